// Calls to the service that this page came from.

let token = "";

/** What went wrong, in a sentence for the reader; `status` is 0 where the service cannot be reached. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function useToken(value) {
  token = value.trim();
}

async function send(path, options = {}) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  try {
    return await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "The service does not answer. Is it still running?");
  }
}

async function ask(path, options) {
  const response = await send(path, options);
  const answer = await response.json().catch(() => ({ error: `The service answered ${response.status}.` }));
  if (!response.ok) throw new Refused(response.status, answer.error);
  return answer;
}

/** Models and limits. */
export const describe = () => ask("/models");

/** The tweets of the draw with their labels, and the classes. */
export const labels = () => ask("/labels");

/** Save a label for the tweet of `row`; the answer is that of `labels`. */
export const giveLabel = (row, label) => ask("/labels", { method: "PUT", body: JSON.stringify({ row, label }) });

/** What a model's report at `path` holds. */
export async function report(path) {
  const response = await send(path);
  if (!response.ok) throw new Refused(response.status, `The service answered ${response.status}.`);
  return response.blob();
}

/** The scored `file` and how often each label was given. */
export async function scoreFile(file, { model, threshold, column, signal }) {
  const body = new FormData();
  body.append("file", file);
  const query = new URLSearchParams({ model, threshold, column });
  const response = await send(`/predict?${query}`, { method: "POST", body, signal });
  if (!response.ok) {
    const { error } = await response.json().catch(() => ({ error: `The service answered ${response.status}.` }));
    throw new Refused(response.status, error);
  }
  return { labels: JSON.parse(response.headers.get("x-sentiment-labels")), content: await response.blob() };
}

/** Answers to `texts`; waits and asks again while the service is busy. */
export async function predict(texts, { model, threshold = 0, explain = false, signal } = {}) {
  const body = JSON.stringify({ texts, model, threshold, explain });
  for (let attempt = 1; ; attempt++) {
    try {
      return (await ask("/predict", { method: "POST", body, signal })).answers;
    } catch (error) {
      if (error.status !== 429 || attempt > 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}
