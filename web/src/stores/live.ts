// The one WebSocket of the page: last values, alarms and connections as they change; reconnects by itself.
import { defineStore } from 'pinia';
import { computed, onScopeDispose, ref, shallowReactive, shallowRef, toValue, watch, type MaybeRefOrGetter } from 'vue';
import { alarms as loadAlarms, isActive, severities, type Alarm, type Counts, type Severity } from '@/api/alarms';
import { languageHeader } from '@/api/http';
import type { ConnectionStatus } from '@/api/status';
import type { Value } from '@/api/data';
import { i18n } from '@/i18n';

export interface Last {
  ts: number;
  value: Value;
  quality: string;
}
type Message =
  | { type: 'last'; rows: [string, number, Value, string][] }
  | { type: 'alarm'; alarm: Alarm }
  | { type: 'connections'; items: ConnectionStatus[] }
  | { type: 'dropped'; tags: number };

const retryMs = [500, 1000, 2000, 4000, 8000, 15000];
const valuesMax = 20_000;

export const useLive = defineStore('live', () => {
  const values = shallowReactive(new Map<string, Last>());
  const active = shallowReactive(new Map<string, Alarm>());
  const connections = shallowRef<ConnectionStatus[] | null>(null);
  const connected = ref(false);
  const lostAt = ref<number | null>(null);
  const dropped = ref(0);
  const alarmVersion = ref(0);
  const wanted = new Map<symbol, string[]>();
  let socket: WebSocket | null = null;
  let tries = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running = false;

  const counts = computed<Counts>(() => {
    const sum = { critical: 0, major: 0, minor: 0, warning: 0 };
    for (const alarm of active.values()) sum[alarm.severity]++;
    return sum;
  });
  const worst = computed<Severity | null>(() => severities.find((s) => counts.value[s] > 0) ?? null);

  function subscribe(): void {
    if (socket?.readyState !== WebSocket.OPEN) return;
    const tags = [...new Set([...wanted.values()].flat())];
    socket.send(JSON.stringify({ subscribe: { tags, alarms: true, connections: true } }));
  }
  function takeAlarm(alarm: Alarm): void {
    if (isActive(alarm)) active.set(alarm.id, alarm);
    else active.delete(alarm.id);
    alarmVersion.value++;
  }
  // Readings that came since the last frame: the page is drawn once for all of them, of each tag the newest.
  const waiting = new Map<string, Last>();
  let frame = 0;
  function show(): void {
    frame = 0;
    if (values.size > valuesMax) values.clear();
    for (const [path, last] of waiting) values.set(path, last);
    waiting.clear();
  }
  function take(message: Message): void {
    if (message.type === 'last') {
      for (const [path, ts, value, quality] of message.rows) waiting.set(path, { ts, value, quality });
      // A page that nobody sees has no frames.
      if (document.hidden) show();
      else frame ||= requestAnimationFrame(show);
    } else if (message.type === 'alarm') takeAlarm(message.alarm);
    else if (message.type === 'connections') connections.value = merge(connections.value, message.items);
    else if (message.type === 'dropped') dropped.value += message.tags;
  }
  // The server may send only those that changed.
  function merge(old: ConnectionStatus[] | null, fresh: ConnectionStatus[]): ConnectionStatus[] {
    const all = new Map((old ?? []).map((item) => [item.name, item]));
    for (const item of fresh) all.set(item.name, item);
    return [...all.values()];
  }
  async function loadActive(): Promise<void> {
    const answer = await loadAlarms({ state: 'active', limit: 1000 });
    active.clear();
    for (const alarm of answer.alarms) active.set(alarm.id, alarm);
    alarmVersion.value++;
  }
  function connect(): void {
    if (!running) return;
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const mine = new WebSocket(`${scheme}//${location.host}/api/v1/live?lang=${languageHeader()['Accept-Language']}`);
    socket = mine;
    mine.onopen = () => {
      tries = 0;
      connected.value = true;
      lostAt.value = null;
      subscribe();
      // What changed while the link was down is asked for once.
      loadActive().catch(() => undefined);
    };
    mine.onmessage = (event) => take(JSON.parse(event.data as string) as Message);
    mine.onclose = () => {
      if (socket !== mine) return;
      socket = null;
      connected.value = false;
      if (!running) return;
      lostAt.value ??= Date.now();
      timer = setTimeout(connect, retryMs[Math.min(tries++, retryMs.length - 1)]);
    };
  }
  // Reasons come in the language that the link was opened with.
  watch(i18n.global.locale, () => {
    const old = socket;
    if (!old) return;
    socket = null;
    old.close();
    connect();
  });
  function start(): void {
    if (running) return;
    running = true;
    connect();
  }
  function stop(): void {
    running = false;
    clearTimeout(timer);
    socket?.close();
    socket = null;
    connected.value = false;
    lostAt.value = null;
    cancelAnimationFrame(frame);
    frame = 0;
    waiting.clear();
    values.clear();
    active.clear();
    connections.value = null;
  }
  function retryNow(): void {
    clearTimeout(timer);
    if (running && !socket) connect();
  }
  /** Keeps the last values of these tags or globs coming while the caller's scope lives. */
  function follow(globs: MaybeRefOrGetter<string[]>): void {
    const key = Symbol('follow');
    watch(() => toValue(globs), (list) => {
      wanted.set(key, list);
      subscribe();
    }, { immediate: true });
    onScopeDispose(() => {
      wanted.delete(key);
      subscribe();
    });
  }
  const stale = computed(() => lostAt.value !== null);
  return { values, active, counts, worst, connections, connected, stale, lostAt, dropped, alarmVersion, start, stop, retryNow, follow, takeAlarm, reloadAlarms: loadActive };
});
