/** What is left of limits, as bars. */
import { Card, Flex, Text } from '@radix-ui/themes';
import type { LimitLevel } from '../api';
import { amount, limitWords, time } from '../words';

export function Levels({ levels, empty }: { levels: readonly LimitLevel[]; empty: string }) {
  if (levels.length === 0) return <div className="empty">{empty}</div>;
  return (
    <div className="cards">
      {levels.map((level) => {
        const { unit, max, spent, held, per, model } = level;
        const used = Number(spent) + Number(held);
        const words = limitWords({ unit, max: Number(max), ...(per ? { per } : {}), ...(model ? { model } : {}) });
        return (
          <Card key={`${unit} ${per} ${model}`}>
            <Flex direction="column" gap="1">
              <Text size="2" weight="medium">
                {words}
              </Text>
              <div className={used >= Number(max) ? 'bar full' : 'bar'}>
                <progress value={Math.min(used, Number(max))} max={Math.max(Number(max), 1e-9)} aria-label={words} />
              </div>
              <Text size="1" color="gray">
                {`${amount(unit, spent)} spent, ${amount(unit, held)} held, ${amount(unit, level.remaining)} left`}
              </Text>
              {level.window_ends_at && (
                <Text size="1" color="gray">
                  Until {time(level.window_ends_at)}
                </Text>
              )}
            </Flex>
          </Card>
        );
      })}
    </div>
  );
}

/** What is left of each limit, in a line. */
export function Left({ of: levels }: { of: readonly LimitLevel[] | null }) {
  if (levels === null) return <>not known just now</>;
  if (levels.length === 0) return <>no limit</>;
  return (
    <>
      {levels.map(({ unit, per, model, remaining, max }) => {
        const what = unit === 'usd' ? '' : ` ${unit.replaceAll('_', ' ')}`;
        return (
          <div key={`${unit} ${per} ${model}`}>
            {`${amount(unit, remaining)} of ${amount(unit, max)}${what}${per === null ? '' : `, ${per}`}${model === null ? '' : `, ${model}`}`}
          </div>
        );
      })}
    </>
  );
}
