/** What is typed is asked for when the typing rests: one question for a word, and not one for each letter. */
import { useEffect, useState } from 'react';

const REST_MS = 300;

export function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), REST_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
