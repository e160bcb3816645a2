import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import * as api from '@/api/cases';
import { asProblem } from '@/api/http';
import { named, wordOf } from '@/lib/cases';
import { usePrefs } from './prefs';
import { useSession } from './session';
import { useTitles } from './titles';

const everyMs = 20_000;

/** The kinds of cases, and how many wait for who is signed in: asked again while the page is seen. */
export const useCases = defineStore('cases', () => {
  const prefs = usePrefs();
  const session = useSession();
  const titles = useTitles();
  const kinds = shallowRef<api.CaseKind[]>([]);
  const counts = shallowRef<api.CaseCounts | null>(null);
  /** A server that keeps no cases is not asked for ever. */
  const absent = ref(false);
  let coming: Promise<void> | null = null;
  let timer: ReturnType<typeof setInterval> | undefined;

  function ensure(): Promise<void> {
    session.ensureKinds().catch(() => undefined);
    if (kinds.value.length) return Promise.resolve();
    coming ??= api
      .caseKinds()
      .then((found) => void (kinds.value = found))
      .finally(() => (coming = null));
    return coming;
  }
  async function refresh(): Promise<void> {
    if (absent.value || !session.can('viewer')) return;
    try {
      counts.value = await api.caseCounts();
    } catch (error) {
      absent.value = [404, 501].includes(asProblem(error).status);
    }
  }
  function start(): void {
    if (timer) return;
    void refresh();
    timer = setInterval(() => !document.hidden && void refresh(), everyMs);
  }
  function stop(): void {
    clearInterval(timer);
    timer = undefined;
    kinds.value = [];
    counts.value = null;
    absent.value = false;
  }

  const mine = computed(() => counts.value?.mine ?? 0);
  const me = computed(() => 'user:' + (session.session?.user ?? ''));
  const kind = (name: string): api.CaseKind | undefined => named(kinds.value, name);
  const kindWord = (name: string): string => wordOf(kind(name), prefs.locale, name);
  const state = (one: Pick<api.Case, 'kind' | 'state'>): api.CaseState | undefined => named(kind(one.kind)?.states, one.state);
  const stateWord = (one: Pick<api.Case, 'kind' | 'state'>): string => wordOf(state(one), prefs.locale, one.state);
  /** What it is about: a machine or place by its title, a resource ("rules/a") by that of its kind. */
  function subject(one: Pick<api.Case, 'subject' | 'id'>): string {
    const cut = one.subject.indexOf('/');
    const of = cut > 0 ? session.kinds.find((k) => k.plural === one.subject.slice(0, cut)) : undefined;
    return titles.place(one.subject) || (of ? `${of.title[prefs.locale]} · ${one.subject.slice(cut + 1)}` : one.subject) || one.id;
  }
  return { subject, kinds, counts, absent, mine, me, ensure, refresh, start, stop, kind, kindWord, state, stateWord };
});
