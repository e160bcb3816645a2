import { ApiError, call, get, part, post, csrfHeader, languageHeader, type Problem } from './http';
import type { Json } from './resources';

export type ImportState = 'uploaded' | 'running' | 'done' | 'cancelled' | 'failed';
export interface Fault {
  line: number;
  column?: string;
  error: string;
}
export interface MadeTag {
  tag: string;
  type: string;
  unit: string;
  values: number;
  /** Nanoseconds, near enough for showing. */
  first: number;
  last: number;
}
export interface Report {
  file: string;
  bytes: number;
  rows: number;
  values: number;
  times: number;
  duplicates: number;
  duplicates_complete: boolean;
  out_of_order: number;
  missing: number;
  /** Words that stood for a value that is not there, and how often. */
  missing_words?: Record<string, number>;
  /** Lines of sums, notes and signatures. */
  left_out?: number;
  /** Readings that may be meant otherwise. */
  doubts?: number;
  first_left_out?: Fault[];
  first_doubts?: Fault[];
  wrong_values: number;
  bad_rows: number;
  repeated_times: number;
  replaced_characters: number;
  last_line: number;
  cancelled: boolean;
  ms: number;
  faults: Fault[];
  first_duplicates: { line: number; ts: number }[];
  /** Tags whose oldest readings retention will remove again, and one of them; times as RFC 3339. */
  too_old?: { tags: number; path: string; first: string; keeps_from: string } | null;
  tags: MadeTag[];
}
export interface Import {
  id: string;
  file: string;
  who: string;
  bytes: number;
  sent: number;
  ended: number | null;
  state: ImportState;
  progress: { share: number; rows: number; values: number; ms: number };
  report: Report | null;
  error: string | null;
  /** Only of one that is asked for alone. */
  map?: string | null;
}
export interface FileRow {
  line: number;
  fields: string[];
  columns: number;
}
export interface SheetSeen {
  name: string;
  hidden: boolean;
  rows: number;
  chosen: boolean;
}
export interface Look {
  format?: 'text' | 'xlsx' | 'xls';
  /** Of a workbook. */
  sheets?: SheetSeen[] | null;
  map: { [key: string]: Json } | null;
  error: string | null;
  encoding: string;
  delimiter: string;
  head: FileRow[];
  names: string[];
  units: string[];
  rows: FileRow[];
  fault: string | null;
}
export interface Reading {
  tag: string;
  ts: number;
  value: number | string | boolean | null;
  unit: string;
  quality: string;
}
export interface Preview {
  readings: Reading[];
  report: Report;
}

const ms = { precision: 'ms' };
const at = (id: string, what = ''): string => `/imports/${part(id)}${what}`;
/** What the server takes at once. */
export const uploadBytesMax = 32 << 20;
export const uploadWords = '32 MB';

export const imports = async (): Promise<Import[]> => (await get<{ items: Import[] }>('/imports', ms)).items;
export const oneImport = (id: string): Promise<Import> => get(at(id), ms);
export const look = (id: string, map?: string, propose = false, signal?: AbortSignal): Promise<Look> => call('POST', at(id, ':look'), { body: { ...(map ? { map } : {}), propose }, signal });
export const preview = (id: string, map: string, rows?: number, signal?: AbortSignal): Promise<Preview> => call('POST', at(id, ':preview'), { body: { map }, query: { ...ms, rows }, signal });
export const start = (id: string, map: string, fromLine = 0): Promise<Import> => call('POST', at(id, ':start'), { body: { map, from_line: fromLine }, query: ms });
export const cancel = (id: string): Promise<void> => post(at(id, ':cancel'));
export const forget = (id: string): Promise<void> => call('DELETE', at(id));

/** Sends a file and tells how much of it is there; fetch() cannot tell that. */
export function upload(file: File, onProgress: (share: number) => void, signal: AbortSignal): Promise<{ id: string; map: string | null; error: string | null }> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/api/v1/imports?file=${encodeURIComponent(file.name)}`);
    for (const [name, value] of Object.entries({ ...csrfHeader(), ...languageHeader() })) request.setRequestHeader(name, value);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () => {
      let body: Partial<Problem> & { id?: string } = {};
      try {
        body = JSON.parse(request.responseText) as typeof body;
      } catch {
        // A proxy's own page: the status says enough.
      }
      if (request.status === 201 && body.id) return resolve(body as { id: string; map: string | null; error: string | null });
      reject(new ApiError({ ...body, status: request.status, title: body.title ?? request.statusText, detail: body.detail ?? `${request.status} ${request.statusText}` }));
    };
    request.onerror = () => reject(new ApiError({ status: 0, title: 'unreachable', detail: '' }));
    request.onabort = () => reject(new DOMException('aborted', 'AbortError'));
    signal.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}
