/** Something wrong in a configuration, at the place where a user can mend it. Lines and columns count from 1. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `models["gpt-4.1"].targets[0].provider`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
}

export type Path = readonly (string | number)[];

export function formatPath(path: Path): string {
  let out = '';
  for (const step of path) {
    if (typeof step === 'number') out += `[${step}]`;
    else if (/^[\w-]+$/.test(step)) out += out ? `.${step}` : step;
    else out += `[${JSON.stringify(step)}]`;
  }
  return out;
}

/** `config.yaml:3:9: models.gpt-4o.targets: a model needs a target` */
export const formatProblem = ({ file, line, column, path, message }: Problem): string =>
  `${file}:${line}:${column}: ${path ? `${path}: ` : ''}${message}`;
