import { createI18n } from 'vue-i18n';
import { messages as all } from './messages';

type Both = readonly [zh: string, en: string];
type Tree = { readonly [key: string]: Both | Tree };
type Flat = { [key: string]: string | Flat };

/** Both languages stand side by side in one table, so that none can be forgotten. */
function language(tree: Tree, index: 0 | 1): Flat {
  const out: Flat = {};
  for (const [key, entry] of Object.entries(tree)) {
    out[key] = Array.isArray(entry) ? (entry as Both)[index] : language(entry as Tree, index);
  }
  return out;
}

export const i18n = createI18n({
  legacy: false,
  locale: 'zh',
  fallbackLocale: 'en',
  warnHtmlMessage: false,
  messages: { zh: language(all, 0), en: language(all, 1) },
});
