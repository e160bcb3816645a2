import { defineStore } from 'pinia';
import { computed, ref, watch } from 'vue';
import { setLanguage } from '@/api/http';
import { i18n } from '@/i18n';
import type { Locale } from '@/lib/format';

type Theme = 'light' | 'dark' | 'system';

function stored<T extends string>(key: string, fallback: T): T {
  try {
    return (localStorage.getItem('gongshu.' + key) as T | null) ?? fallback;
  } catch {
    return fallback;
  }
}
function store(key: string, value: string): void {
  try {
    localStorage.setItem('gongshu.' + key, value);
  } catch {
    // Private windows may refuse; the choice then lives as long as the page.
  }
}

export const usePrefs = defineStore('prefs', () => {
  const browser: Locale = navigator.language.toLowerCase().startsWith('en') ? 'en' : 'zh';
  const locale = ref<Locale>(stored<Locale>('locale', browser));
  const theme = ref<Theme>(stored<Theme>('theme', 'system'));
  const railSmall = ref(stored<string>('rail', 'wide') === 'small');
  const systemDark = ref(matchMedia('(prefers-color-scheme: dark)').matches);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', (event) => (systemDark.value = event.matches));
  const dark = computed(() => theme.value === 'dark' || (theme.value === 'system' && systemDark.value));

  watch(locale, (now) => {
    i18n.global.locale.value = now;
    setLanguage(now);
    document.documentElement.lang = now === 'zh' ? 'zh-CN' : 'en';
    store('locale', now);
  }, { immediate: true });
  watch(dark, (now) => {
    document.documentElement.dataset.theme = now ? 'dark' : 'light';
    document.querySelector('meta[name=theme-color]')?.setAttribute('content', now ? '#0f1318' : '#f6f7f9');
  }, { immediate: true });
  watch(theme, (now) => store('theme', now));
  watch(railSmall, (now) => store('rail', now ? 'small' : 'wide'));

  return { locale, theme, dark, railSmall };
});
