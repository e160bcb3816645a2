import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import { ApiError, onSessionLost, setCsrf } from '@/api/http';
import * as api from '@/api/session';
import { kinds as loadKinds, type Kind } from '@/api/resources';

export const useSession = defineStore('session', () => {
  const session = shallowRef<api.Session | null>(null);
  const kinds = shallowRef<Kind[]>([]);
  const asked = ref(false);

  function take(fresh: api.Session | null): void {
    session.value = fresh;
    setCsrf(fresh?.csrf ?? '');
  }
  onSessionLost(() => take(null));

  /** Asks the server once who is signed in. */
  async function restore(): Promise<void> {
    if (asked.value) return;
    try {
      take(await api.current());
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      take(null);
    }
    asked.value = true;
  }
  async function signIn(user: string, password: string): Promise<void> {
    take(await api.signIn(user, password));
    asked.value = true;
  }
  async function signInOnce(word: string): Promise<void> {
    take(await api.signInOnce(word));
    asked.value = true;
  }
  async function changePassword(fresh: string, old?: string): Promise<void> {
    await api.changePassword(fresh, old);
    take(await api.current());
  }
  /** Asks again, after something that changes what the session may or has to do. */
  async function refresh(): Promise<void> {
    take(await api.current());
  }
  async function signOut(): Promise<void> {
    try {
      await api.signOut();
    } finally {
      take(null);
      kinds.value = [];
    }
  }
  async function ensureKinds(): Promise<Kind[]> {
    if (!kinds.value.length) kinds.value = (await loadKinds()).kinds;
    return kinds.value;
  }
  const rank = computed(() => api.roles.indexOf(session.value?.role ?? 'none'));
  const can = (role: api.Role): boolean => rank.value >= api.roles.indexOf(role);
  /** Whether a page is worth offering; what it may show is the server's to say. */
  const sees = (page: { role?: api.Role; tenant?: string } | undefined): boolean => can(page?.role ?? 'viewer') && (!page?.tenant || page.tenant === session.value?.tenant);
  return { session, kinds, restore, signIn, signInOnce, signOut, changePassword, refresh, ensureKinds, can, sees };
});
