/** `.000` to `.999`. */
const THOUSANDTHS = Array.from({ length: 1000 }, (_, at) => `.${String(at).padStart(3, '0')}`);
const LARGEST = 1e9;

/**
 * A number as text that reads back as the same number. What has at most three places behind the point, as times in milliseconds
 * have, is written at a quarter of what `String` takes for a fraction, with all three of them.
 */
export function numberText(value: number): string {
  const thousandths = Math.round(value * 1000);
  if (!(value >= 0 && value < LARGEST) || thousandths / 1000 !== value) return String(value);
  const whole = Math.floor(thousandths / 1000);
  const rest = thousandths - whole * 1000;
  return rest === 0 ? String(whole) : String(whole) + THOUSANDTHS[rest]!;
}
