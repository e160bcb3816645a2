import { defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import { list, patch, put, remove as removeOne } from '@/api/resources';
import { nameFor, viewOf, type Query, type View } from '@/lib/views';
import { useSession } from './session';

/** The views that the reader may see, of all pages. */
export const useViews = defineStore('views', () => {
  const session = useSession();
  const all = shallowRef<View[] | null>(null);
  let asked = '';
  let coming: Promise<void> | null = null;
  const me = computed(() => `user:${session.session?.user ?? ''}`);
  const owns = (view: View): boolean => view.owner === me.value;

  async function refresh(): Promise<void> {
    all.value = (await list('saved_views')).map(viewOf);
  }
  /** Once for each who signs in; the same answer for all that ask meanwhile. */
  function ensure(): Promise<void> {
    const who = `${session.session?.tenant}/${me.value}`;
    if (asked !== who) {
      asked = who;
      all.value = null;
      coming = refresh().catch(() => {
        asked = '';
      });
    }
    return coming ?? Promise.resolve();
  }
  const of = (page: string): View[] => (all.value ?? []).filter((v) => v.page === page).sort((a, b) => Number(owns(b)) - Number(owns(a)) || a.title.localeCompare(b.title));
  const standardOf = (page: string): View | null => (all.value ?? []).find((v) => v.page === page && v.standard && owns(v)) ?? null;

  async function save(page: string, title: string, query: Query, more: { shared?: boolean; standard?: boolean } = {}): Promise<string> {
    const taken = (all.value ?? []).map((v) => v.name);
    const spec = { title: title.trim(), page, query, owner: me.value, shared: false, standard: false, ...more };
    for (let round = 0; ; round++) {
      // A view that is another's alone may have the name already.
      const name = nameFor(page, title, taken);
      try {
        await put('saved_views', name, spec, 0);
        await refresh();
        return name;
      } catch (error) {
        const status = (error as { status?: number }).status;
        if (round >= 5 || (status !== 412 && status !== 409 && status !== 404)) throw error;
        taken.push(name);
      }
    }
  }
  async function change(view: View, what: Partial<Pick<View, 'title' | 'query' | 'shared' | 'standard'>>): Promise<void> {
    // A merge patch would keep what the query no longer asks.
    if (what.query) await put('saved_views', view.name, { title: view.title, page: view.page, owner: view.owner, shared: view.shared, standard: view.standard, ...what }, view.revision);
    else await patch('saved_views', view.name, what, view.revision);
    await refresh();
  }
  async function remove(view: View): Promise<void> {
    await removeOne('saved_views', view.name);
    await refresh();
  }
  /** One of a page at most; another's view is copied, as it is not ours to mark. */
  async function makeStandard(view: View, on: boolean): Promise<void> {
    const old = standardOf(view.page);
    if (old && (old.name !== view.name || !on)) await patch('saved_views', old.name, { standard: false }, old.revision);
    if (on && owns(view)) await patch('saved_views', view.name, { standard: true }, view.revision);
    else if (on) await save(view.page, view.title, view.query, { standard: true });
    await refresh();
  }
  return { all, me, owns, ensure, refresh, of, standardOf, save, change, remove, makeStandard };
});
