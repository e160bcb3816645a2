import { address, ApiError, csrfHeader, languageHeader, type Problem } from './http';
import { part } from './http';
import type { Difference, Json } from './resources';

/** An installed package, as its resource says. */
export type PackageSpec = {
  version: string; type: string; title_zh?: string; title_en?: string; licence?: string; sha256: string; signer: string; signer_key_id: string;
  parameters?: { [name: string]: Json }; resources?: { kind: string; name: string; made: boolean }[]; earlier?: { version: string }[]; needs?: { name: string; versions: string }[];
};
export interface Parameter {
  name: string; title_zh?: string; title_en?: string; type: 'text' | 'number' | 'integer' | 'boolean' | 'choice'; unit?: string; choices?: string[]; preset?: Json; required?: boolean; help?: string;
}
export interface Manifest {
  name: string; version: string; type: string; title_zh?: string; title_en?: string; about_zh?: string; about_en?: string; author?: string; licence: string; platform: string;
  needs: { name: string; versions: string }[]; parameters: Parameter[]; sources: { what: string; status: string; reference?: string }[];
  signed_by: { name: string; algorithm: string; key: string };
}
export type StepWhat = 'create' | 'change' | 'adopt' | 'keep' | 'remove' | 'leave' | 'unchanged' | 'conflict';
export interface Step { kind: string; name: string; what: StepWhat; why: string; differences: Difference[]; kept: Difference[] }
export interface TestOutcome { name: string; place: string; passed: boolean; failure: string }
export interface Plan {
  action: 'install' | 'upgrade' | 'rollback' | 'uninstall'; name: string; from: string; to: string; sha256: string; signer_key_id: string; trusted_as: string;
  manifest: Manifest | null; steps: Step[]; problems: string[]; tests: TestOutcome[]; conflicts: number; stored: boolean;
}
export interface Examination { name: string; version: string; problem: string; steps: Step[]; tests: TestOutcome[] }
export interface Choices { set?: string[]; conflicts?: '' | 'keep' | 'take'; dryRun?: boolean }

/** The file goes as it is; the answer is a plan. */
async function send<T>(path: string, choices: Choices, file?: Blob): Promise<T> {
  const response = await fetch(address(path, { set: choices.set, conflicts: choices.conflicts, dry_run: choices.dryRun ? 1 : undefined }), {
    method: 'POST', headers: { Accept: 'application/json', 'Content-Type': 'application/octet-stream', ...languageHeader(), ...csrfHeader() }, body: file, credentials: 'same-origin', cache: 'no-store',
  });
  const body = (await response.json().catch(() => ({}))) as T & Partial<Problem>;
  if (response.ok) return body;
  throw new ApiError({ ...body, status: response.status, title: body.title ?? response.statusText, detail: body.detail ?? body.title ?? response.statusText });
}
export const plan = (file: Blob, choices: Choices): Promise<Plan> => send('/packages:plan', choices, file);
export const install = (file: Blob, choices: Choices): Promise<Plan> => send('/packages:install', choices, file);
export const upgrade = (name: string, file: Blob, choices: Choices): Promise<Plan> => send(`/packages/${part(name)}:upgrade`, choices, file);
export const rollback = (name: string, choices: Choices): Promise<Plan> => send(`/packages/${part(name)}:rollback`, choices);
export const uninstall = (name: string, choices: Choices): Promise<Plan> => send(`/packages/${part(name)}:uninstall`, choices);
export const verify = (name: string): Promise<Examination> => send(`/packages/${part(name)}:verify`, {});
