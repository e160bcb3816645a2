import { ApiError, call, csrfHeader, get, languageHeader, part, type Problem } from './http';

/** A file as a case cites it. */
export interface Citation {
  id: string;
  name: string;
  type: string;
  bytes: number;
  sha256?: string;
}
export interface StoredFile extends Citation {
  owner: string;
  who: string;
  time: number;
  state: 'ready' | 'held';
  note: string | null;
  shown: boolean;
  thumbnail: boolean;
  width: number;
  height: number;
}

export const fileAddress = (id: string): string => `/api/v1/blobs/${part(id)}`;
export const thumbnailAddress = (id: string): string => fileAddress(id) + ':thumbnail';
export const filesOf = async (owner: string): Promise<StoredFile[]> => (await get<{ items: StoredFile[] }>('/blobs', { owner, precision: 'ms' })).items;
export const removeFile = (id: string): Promise<void> => call('DELETE', `/blobs/${part(id)}`);

/** Sends a file and tells how much of it is there; fetch() cannot tell that. */
export function sendFile(owner: string, name: string, file: Blob, onProgress: (share: number) => void, signal: AbortSignal): Promise<StoredFile> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/api/v1/blobs?owner=${encodeURIComponent(owner)}&name=${encodeURIComponent(name)}&precision=ms`);
    for (const [header, value] of Object.entries({ ...csrfHeader(), ...languageHeader() })) request.setRequestHeader(header, value);
    request.setRequestHeader('Content-Type', file.type || 'application/octet-stream');
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () => {
      let body: Partial<Problem> & Partial<StoredFile> = {};
      try {
        body = JSON.parse(request.responseText) as typeof body;
      } catch {
        // A proxy's own page: the status says enough.
      }
      if (request.status === 201 && body.id) return resolve(body as StoredFile);
      reject(new ApiError({ status: request.status, title: body.title ?? request.statusText, detail: body.detail ?? `${request.status} ${request.statusText}` }));
    };
    request.onerror = () => reject(new ApiError({ status: 0, title: 'unreachable', detail: '' }));
    request.onabort = () => reject(new DOMException('aborted', 'AbortError'));
    signal.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}
