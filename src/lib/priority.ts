/** Who is served where not everybody can be: those that come first here are refused first. */
export const priorities = ['low', 'normal', 'high'] as const;
export type Priority = (typeof priorities)[number];

export const rankOf = (priority: Priority): number => priorities.indexOf(priority);
