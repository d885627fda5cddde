// Waiting for something, but not for ever.

export const SILENT = "wherein does not answer. Restart it, or look into its log";

/** What `work` gives; rejects with the sentence when that takes longer. */
export async function within<T>(ms: number, work: Promise<T>, sentence: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(sentence)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
