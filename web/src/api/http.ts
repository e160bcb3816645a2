// One door to the server: JSON in and out, the CSRF header, errors as RFC 9457 problems.

export interface Problem {
  status: number;
  title: string;
  detail: string;
  place?: string;
  id?: string;
  retryAfter?: number;
  lines?: { line: number; error: string }[];
}

export class ApiError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.name = 'ApiError';
    this.problem = problem;
  }
  get status(): number {
    return this.problem.status;
  }
}

/** Turns whatever was thrown into a problem that a page can show. */
export function asProblem(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  const text = error instanceof Error ? error.message : String(error);
  return { status: 0, title: 'unreachable', detail: text };
}

let csrf = '';
let language = 'zh';
/** The server tells its reasons in this language. */
export function setLanguage(locale: 'zh' | 'en'): void {
  language = locale;
}
export const languageHeader = (): Record<string, string> => ({ 'Accept-Language': language });
let onUnauthorized: () => void = () => {};

export function setCsrf(token: string): void {
  csrf = token;
}
export const csrfHeader = (): Record<string, string> => (csrf ? { 'X-CSRF': csrf } : {});
export function onSessionLost(action: () => void): void {
  onUnauthorized = action;
}

export interface CallOptions {
  query?: Record<string, string | number | boolean | string[] | undefined | null>;
  body?: unknown;
  ifMatch?: number | string;
  /** A sheet is sent as it is. */
  csv?: string | ArrayBuffer;
  signal?: AbortSignal;
  /** The answer 401 is expected here and does not end the session. */
  quiet?: boolean;
  text?: boolean;
}

export function address(path: string, query?: CallOptions['query']): string {
  const parts = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === null || value === '') continue;
    if (Array.isArray(value)) for (const one of value) parts.append(key, one);
    else parts.append(key, String(value));
  }
  const text = parts.toString();
  return '/api/v1' + path + (text ? '?' + text : '');
}

async function problemOf(response: Response): Promise<Problem> {
  const retry = Number(response.headers.get('Retry-After')) || undefined;
  try {
    const body = (await response.json()) as Partial<Problem>;
    return {
      ...body,
      status: response.status,
      title: body.title ?? response.statusText,
      detail: body.detail ?? body.title ?? response.statusText,
      retryAfter: retry,
    };
  } catch {
    return { status: response.status, title: response.statusText, detail: `${response.status} ${response.statusText}`, retryAfter: retry };
  }
}

export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: options.text ? 'text/csv, text/plain' : 'application/json', ...languageHeader() };
  if (method !== 'GET' && csrf) headers['X-CSRF'] = csrf;
  if (options.ifMatch !== undefined) headers['If-Match'] = `"${options.ifMatch}"`;
  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  if (options.csv !== undefined) headers['Content-Type'] = 'text/csv; charset=utf-8';
  const response = await fetch(address(path, options.query), {
    method,
    headers,
    body: options.csv ?? (options.body === undefined ? undefined : JSON.stringify(options.body)),
    signal: options.signal,
    credentials: 'same-origin',
    cache: 'no-store',
  });
  if (!response.ok) {
    const problem = await problemOf(response);
    if (response.status === 401 && !options.quiet) onUnauthorized();
    throw new ApiError(problem);
  }
  if (response.status === 204) return undefined as T;
  if (options.text) return (await response.text()) as T;
  return (await response.json()) as T;
}

export const get = <T>(path: string, query?: CallOptions['query'], signal?: AbortSignal): Promise<T> =>
  call<T>('GET', path, { query, signal });
export const post = <T>(path: string, body?: unknown): Promise<T> => call<T>('POST', path, { body: body ?? {} });
/** A name inside an address: slashes become %2F. */
export const part = (name: string): string => encodeURIComponent(name);
/** What stands beside the interface of resources and asks for nobody's rights. */
export async function outside<T>(path: string): Promise<T> {
  const response = await fetch(path, { cache: 'no-store', credentials: 'omit', headers: languageHeader() });
  return (await response.json()) as T;
}
