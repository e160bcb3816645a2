import { defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import { messageOf, type Alarm } from '@/api/alarms';
import { list, type Resource, type Spec } from '@/api/resources';
import { inWords, splitTag, titleIn } from '@/lib/titles';
import { usePrefs } from './prefs';

const freshMs = 60_000;

/** What people call sites, places, machines and their properties, in the language of the page; "" where nobody said. */
export const useTitles = defineStore('titles', () => {
  const prefs = usePrefs();
  const found = shallowRef<Record<'sites' | 'devices' | 'device_types' | 'connections', Resource[]>>({ sites: [], devices: [], device_types: [], connections: [] });
  let timer: ReturnType<typeof setInterval> | undefined;

  async function refresh(): Promise<void> {
    const kinds = ['sites', 'devices', 'device_types', 'connections'] as const;
    const answers = await Promise.allSettled(kinds.map((kind) => list(kind)));
    // What could not be read now keeps its last known titles.
    found.value = Object.fromEntries(kinds.map((kind, i) => [kind, answers[i]!.status === 'fulfilled' ? answers[i]!.value : found.value[kind]])) as typeof found.value;
  }
  function start(): void {
    if (timer) return;
    void refresh();
    timer = setInterval(() => !document.hidden && void refresh(), freshMs);
  }
  function stop(): void {
    clearInterval(timer);
    timer = undefined;
    found.value = { sites: [], devices: [], device_types: [], connections: [] };
  }

  const places = computed(() => {
    const out = new Map<string, string>();
    for (const site of found.value.sites) {
      out.set(site.name, titleIn(site.spec, prefs.locale));
      for (const [path, spec] of Object.entries((site.spec.places ?? {}) as Record<string, Spec>)) out.set(`${site.name}/${path}`, titleIn(spec, prefs.locale));
    }
    for (const device of found.value.devices) out.set(device.name, titleIn(device.spec, prefs.locale));
    return out;
  });
  const types = computed(() => new Map(found.value.device_types.map((r) => [r.name, titleIn(r.spec, prefs.locale)])));
  const connections = computed(() => new Map(found.value.connections.map((r) => [r.name, titleIn(r.spec, prefs.locale)])));
  const typeOf = computed(() => new Map(found.value.devices.map((r) => [r.name, String(r.spec.type ?? '')])));
  const properties = computed(() => new Map(found.value.device_types.map((r) => [r.name, new Map((Array.isArray(r.spec.properties) ? (r.spec.properties as Spec[]) : []).map((p) => [String(p.name), titleIn(p, prefs.locale)]))])));

  /** The time zones of the sites. */
  const zones = computed(() => [...new Set(found.value.sites.map((r) => String(r.spec.time_zone ?? '')).filter(Boolean))]);
  const devices = computed(() => found.value.devices.map((r) => r.name));
  /** The machines of a type. */
  const devicesOf = (type: string): string[] => found.value.devices.filter((r) => r.spec.type === type).map((r) => r.name);
  const typeNameOf = (device: string): string => typeOf.value.get(device) ?? '';
  /** Of a site, an area, a line or a device. */
  const place = (path: string): string => places.value.get(path) ?? '';
  const type = (name: string): string => types.value.get(name) ?? '';
  const connection = (name: string): string => connections.value.get(name) ?? '';
  const property = (device: string, name: string): string => properties.value.get(typeOf.value.get(device) ?? '')?.get(name) ?? '';
  /** Machine and property in words, each falling back to its name. */
  function tag(path: string): { device: string; property: string } {
    const parts = splitTag(path);
    return { device: place(parts.device) || parts.device, property: property(parts.device, parts.property) || parts.property };
  }
  /** A text of the server with a machine's title for its path. */
  const said = (text: string, name: string | undefined, title = place(name ?? '')): string => inWords(text, name ?? '', title);
  /** What an alarm says, with the machine's title for its path. */
  const alarm = (one: Alarm): string => said(messageOf(one, prefs.locale), one.device);
  return { zones, devices, devicesOf, typeNameOf, said, alarm, start, stop, refresh, place, type, connection, property, tag };
});
