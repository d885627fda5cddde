// The last questions, newest first. Pure.

export const KEPT = 20;

/** Put a question on top, without repeating it. */
export function remember(history: readonly string[], question: string): string[] {
  const asked = question.trim();
  return asked === "" ? [...history] : [asked, ...forget(history, asked)].slice(0, KEPT);
}

export function forget(history: readonly string[], question: string): string[] {
  return history.filter((other) => other !== question);
}
