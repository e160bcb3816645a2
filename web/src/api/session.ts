import { call, post } from './http';

export type Role = 'none' | 'viewer' | 'operator' | 'engineer' | 'admin';
export const roles: Role[] = ['none', 'viewer', 'operator', 'engineer', 'admin'];

export interface Session {
  user: string;
  tenant: string;
  role: Role;
  csrf: string;
  must_change_password: boolean;
  /** The first steps are this administrator's to take: no site is there. */
  setup?: boolean;
}

export const current = (): Promise<Session> => call<Session>('GET', '/session', { quiet: true });
export const signIn = (user: string, password: string): Promise<Session> =>
  call<Session>('POST', '/session', { body: { user, password }, quiet: true });
export const signInOnce = (one_time: string): Promise<Session> =>
  call<Session>('POST', '/session', { body: { one_time }, quiet: true });
export const signOut = (): Promise<void> => call<void>('DELETE', '/session', { quiet: true });
export const changePassword = (fresh: string, old?: string): Promise<void> =>
  post<void>('/session/password', old === undefined ? { new: fresh } : { old, new: fresh });
