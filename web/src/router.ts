import { createRouter, createWebHashHistory, type RouteRecordRaw } from 'vue-router';
import { isPutOff } from '@/lib/setup';
import { useSession } from '@/stores/session';
import type { Role } from '@/api/session';
import type { IconName } from '@/components/icons';

declare module 'vue-router' {
  interface RouteMeta {
    open?: boolean;
    title?: string;
    icon?: IconName;
    group?: 'overview' | 'connect' | 'data' | 'alarm' | 'system';
    role?: Role;
    /** Only of this tenant: it is about the whole server. */
    tenant?: string;
    range?: string;
  }
}

const pages: RouteRecordRaw[] = [
  { path: '/', name: 'overview', component: () => import('./pages/OverviewPage.vue'), meta: { title: 'nav.overview', icon: 'overview', group: 'overview' } },
  { path: '/cases', name: 'cases', component: () => import('./pages/CasesPage.vue'), meta: { title: 'nav.cases', icon: 'cases', group: 'overview' } },
  { path: '/connections', name: 'connections', component: () => import('./pages/ConnectionsPage.vue'), meta: { title: 'nav.connections', icon: 'connect', group: 'connect' } },
  { path: '/devices', name: 'devices', component: () => import('./pages/DevicesPage.vue'), meta: { title: 'nav.devices', icon: 'device', group: 'connect' } },
  { path: '/device-types', name: 'deviceTypes', component: () => import('./pages/DeviceTypesPage.vue'), meta: { title: 'nav.deviceTypes', icon: 'type', group: 'connect' } },
  { path: '/device-templates', name: 'deviceTemplates', component: () => import('./pages/DeviceTemplatesPage.vue'), meta: { title: 'nav.deviceTemplates', icon: 'copy', group: 'connect' } },
  { path: '/modbus-servers', name: 'modbusServers', component: () => import('./pages/ModbusServersPage.vue'), meta: { title: 'nav.modbusServers', icon: 'registers', group: 'connect', role: 'engineer' } },
  { path: '/sparkplug', name: 'sparkplug', component: () => import('./pages/SparkplugPage.vue'), meta: { title: 'nav.sparkplug', icon: 'node', group: 'connect' } },
  { path: '/mappings', name: 'mappings', component: () => import('./pages/MappingsPage.vue'), meta: { title: 'nav.mappings', icon: 'mapping', group: 'connect' } },
  { path: '/sites', name: 'sites', component: () => import('./pages/SitesPage.vue'), meta: { title: 'nav.sites', icon: 'site', group: 'connect' } },
  { path: '/calendars', name: 'calendars', component: () => import('./pages/CalendarsPage.vue'), meta: { title: 'nav.calendars', icon: 'calendar', group: 'connect' } },
  { path: '/dashboards', name: 'dashboards', component: () => import('./pages/DashboardsPage.vue'), meta: { title: 'nav.dashboards', icon: 'board', group: 'data' } },
  { path: '/tags', name: 'tags', component: () => import('./pages/TagsPage.vue'), meta: { title: 'nav.tags', icon: 'data', group: 'data', range: '1h' } },
  { path: '/virtual-tags', name: 'virtualTags', component: () => import('./pages/VirtualTagsPage.vue'), meta: { title: 'nav.virtualTags', icon: 'virtual', group: 'data' } },
  { path: '/tag-aliases', name: 'aliases', component: () => import('./pages/AliasesPage.vue'), meta: { title: 'nav.aliases', icon: 'edit', group: 'data' } },
  { path: '/intervals', name: 'intervals', component: () => import('./pages/IntervalsPage.vue'), meta: { title: 'nav.intervals', icon: 'interval', group: 'data', range: '24h' } },
  { path: '/query', name: 'query', component: () => import('./pages/QueryPage.vue'), meta: { title: 'nav.query', icon: 'sql', group: 'data' } },
  { path: '/dead-letters', name: 'deadLetters', component: () => import('./pages/DeadLettersPage.vue'), meta: { title: 'nav.deadLetters', icon: 'dead', group: 'data' } },
  { path: '/imports', name: 'imports', component: () => import('./pages/ImportsPage.vue'), meta: { title: 'nav.imports', icon: 'upload', group: 'data', role: 'engineer' } },
  { path: '/alarms', name: 'alarms', component: () => import('./pages/AlarmsPage.vue'), meta: { title: 'nav.alarms', icon: 'alarm', group: 'alarm', range: '7d' } },
  { path: '/rules', name: 'rules', component: () => import('./pages/RulesPage.vue'), meta: { title: 'nav.rules', icon: 'rule', group: 'alarm' } },
  { path: '/users', name: 'users', component: () => import('./pages/UsersPage.vue'), meta: { title: 'nav.users', icon: 'users', group: 'system', role: 'admin' } },
  { path: '/roles', name: 'roles', component: () => import('./pages/RolesPage.vue'), meta: { title: 'nav.roles', icon: 'role', group: 'system', role: 'admin' } },
  { path: '/tokens', name: 'tokens', component: () => import('./pages/TokensPage.vue'), meta: { title: 'nav.tokens', icon: 'token', group: 'system', role: 'admin' } },
  { path: '/audit', name: 'audit', component: () => import('./pages/AuditPage.vue'), meta: { title: 'nav.audit', icon: 'audit', group: 'system', role: 'admin', range: '7d' } },
  { path: '/egress', name: 'egress', component: () => import('./pages/EgressPage.vue'), meta: { title: 'nav.egress', icon: 'upload', group: 'system', role: 'admin' } },
  { path: '/storage', name: 'storage', component: () => import('./pages/StoragePage.vue'), meta: { title: 'nav.storage', icon: 'storage', group: 'system', role: 'admin' } },
  { path: '/backups', name: 'backups', component: () => import('./pages/BackupsPage.vue'), meta: { title: 'nav.backups', icon: 'backup', group: 'system', role: 'admin', tenant: 'default' } },
  { path: '/retention', name: 'retention', component: () => import('./pages/RetentionPage.vue'), meta: { title: 'nav.retention', icon: 'clock', group: 'system', role: 'admin' } },
  { path: '/holds', name: 'holds', component: () => import('./pages/HoldsPage.vue'), meta: { title: 'nav.holds', icon: 'lock', group: 'system', role: 'engineer' } },
  { path: '/packages', name: 'packages', component: () => import('./pages/PackagesPage.vue'), meta: { title: 'nav.packages', icon: 'package', group: 'system' } },
  { path: '/approval_policies', name: 'approvalPolicies', component: () => import('./pages/ApprovalPoliciesPage.vue'), meta: { title: 'nav.approvalPolicies', icon: 'role', group: 'system', role: 'admin' } },
  { path: '/message-hooks', name: 'messageHooks', component: () => import('./pages/MessageHooksPage.vue'), meta: { title: 'nav.messageHooks', icon: 'message', group: 'system', role: 'admin' } },
  { path: '/sessions', name: 'sessions', component: () => import('./pages/SessionsPage.vue'), meta: { title: 'nav.sessions', icon: 'session', group: 'system' } },
  { path: '/status', name: 'status', component: () => import('./pages/StatusPage.vue'), meta: { title: 'nav.status', icon: 'status', group: 'system' } },
  { path: '/tenants', name: 'tenants', component: () => import('./pages/TenantsPage.vue'), meta: { title: 'nav.tenants', icon: 'tenant', group: 'system', role: 'admin' } },
];

export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: '/signin', name: 'signin', component: () => import('./pages/SignInPage.vue'), meta: { open: true } },
    { path: '/welcome', name: 'welcome', component: () => import('./pages/SignInPage.vue'), meta: { open: true } },
    { path: '/setup', name: 'setup', component: () => import('./pages/SetupPage.vue') },
    { path: '/password', name: 'password', component: () => import('./pages/PasswordPage.vue') },
    { path: '/', component: () => import('./frame/AppFrame.vue'), children: [...pages, { path: '/dashboards/:name', name: 'dashboard', component: () => import('./pages/DashboardPage.vue'), meta: { title: 'nav.dashboards', range: '1h' } }, { path: '/cases/:id', name: 'case', component: () => import('./pages/CasePage.vue'), meta: { title: 'nav.cases' } }, { path: '/imports/:id', name: 'import', component: () => import('./pages/ImportPage.vue'), meta: { title: 'nav.imports', role: 'engineer' } }, { path: '/:rest(.*)*', name: 'lost', component: () => import('./pages/LostPage.vue') }] },
  ],
});

export const menu = pages;

router.beforeEach(async (to) => {
  const session = useSession();
  if (to.meta.open) return true;
  try {
    await session.restore();
  } catch {
    // The server is away: the page itself says so, with a retry.
    return { name: 'signin', query: { next: to.fullPath, away: '1' } };
  }
  if (!session.session) return { name: 'signin', query: to.fullPath === '/' ? {} : { next: to.fullPath } };
  const first = session.session.setup === true && !isPutOff();
  if (to.name === 'setup') return session.session.setup === true || { name: 'overview' };
  if (session.session.must_change_password && to.name !== 'password') return { name: first ? 'setup' : 'password' };
  if (first && to.name === 'overview') return { name: 'setup' };
  return true;
});
