import { defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import { list, type Resource } from '@/api/resources';
import { i18n } from '@/i18n';
import { usePrefs } from './prefs';
import { useSession } from './session';

/** Who did something, by the name that people know: the server says "user:li", "token:grafana", "system". */
export const usePeople = defineStore('people', () => {
  const prefs = usePrefs();
  const session = useSession();
  const found = shallowRef<Resource[]>([]);
  let asked = '';

  /** Only administrators may read users; for others a user is told by the name of the account. */
  async function load(): Promise<void> {
    const me = `${session.session?.user}@${session.session?.tenant}`;
    if (asked === me) return;
    asked = me;
    found.value = [];
    if (!session.can('admin')) return;
    try {
      found.value = await list('users');
    } catch {
      // The names of the accounts do as well.
      asked = '';
    }
  }
  const titles = computed(() => new Map(found.value.map((r) => [r.name, typeof r.spec.title === 'string' ? r.spec.title : ''])));
  function name(who: string | null | undefined): string {
    if (!who) return '';
    void load();
    const { t, te } = i18n.global;
    const [kind, ...rest] = who.split(':');
    const own = rest.join(':');
    if (kind === 'user' && own) return titles.value.get(own) || own;
    const word = prefs.locale && te('audit.whoIs.' + kind) ? t('audit.whoIs.' + kind) : kind!;
    return own ? `${word} ${own}` : word;
  }
  return { name };
});
