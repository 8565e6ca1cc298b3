/** Figures side by side, each with its name. */
import { Card, Text } from '@radix-ui/themes';

export const Figures = ({ of: figures }: { of: readonly (readonly [name: string, value: string])[] }) => (
  <div className="cards">
    {figures.map(([name, value]) => (
      <Card key={name}>
        <Text as="p" size="1" color="gray">
          {name}
        </Text>
        <Text as="p" size="5" weight="bold">
          {value}
        </Text>
      </Card>
    ))}
  </div>
);
