import { ApiError, address, csrfHeader, languageHeader, type Problem } from './http';

export type CellType = 'boolean' | 'integer' | 'number' | 'text' | 'time' | 'date' | 'decimal' | 'other';
export interface ResultColumn {
  name: string;
  type: CellType;
  /** As the statement declares it: BIGINT, TIMESTAMP_NS … */
  sql: string;
}
export type Cell = string | number | boolean | null;
export interface Result {
  columns: ResultColumn[];
  /** Times are microseconds since 1970, so that a number holds them. */
  rows: Cell[][];
}
/** Why a statement was refused, and where in it. */
export interface Refusal extends Problem {
  sqlstate?: string;
  /** A character of the statement, from 1; 0 = nowhere in particular. */
  position?: number;
}
/** Most rows that are taken in at once. */
export const rowsMax = 100_000;

interface Asked {
  timeout: string;
  zone: string;
  signal?: AbortSignal;
}
export async function query(sql: string, asked: Asked): Promise<Result> {
  const received = await textOf(await ask(sql, asked, { precision: 'us' }, rowsMax));
  const answer = JSON.parse(received) as Result & { error?: Refusal };
  if (answer.error) throw new ApiError(answer.error);
  return answer;
}

/** The text of an answer. What fails in its middle says why at its end, and then the connection breaks: that text is whole JSON too. */
async function textOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return response.text();
  const decoder = new TextDecoder();
  const parts: string[] = [];
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) parts.push(decoder.decode(piece.value, { stream: true }));
  } catch (reason) {
    if (!parts.join('').endsWith('}}')) throw reason;
  }
  return parts.join('');
}
/** The whole answer, of as many rows as the server gives, as a file. */
export const queryFile = async (sql: string, asked: Asked): Promise<Blob> => (await ask(sql, asked, { format: 'parquet' })).blob();

async function ask(sql: string, options: Asked, form: Record<string, string>, limit?: number): Promise<Response> {
  const response = await fetch(address('/query', form), {
    method: 'POST',
    headers: { Accept: form.format ? '*/*' : 'application/json', 'Content-Type': 'application/json', ...languageHeader(), ...csrfHeader() },
    body: JSON.stringify({ sql, zone: options.zone, limit, timeout: options.timeout }),
    signal: options.signal,
    credentials: 'same-origin',
    cache: 'no-store',
  });
  if (response.ok) return response;
  let problem: Refusal = { status: response.status, title: response.statusText, detail: `${response.status} ${response.statusText}` };
  try {
    problem = { ...problem, ...((await response.json()) as Partial<Refusal>), status: response.status };
  } catch {
    // What stands between here and the server may answer otherwise.
  }
  throw new ApiError(problem);
}
