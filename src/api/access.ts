/**
 * What each operation of the admin API needs: a role, and what of it is answered to roles of named teams. It is the only such
 * list, for the API, the console and the command line, which are clients of it; `admin/gate.ts` is the only place that asks.
 * An operation that stands in no row here does not compile, and is closed to everybody.
 */
import type { Role } from '../identity/roles.js';
import type { AdminOperation, OpenOperation } from './table.js';

export interface Need {
  readonly roles: readonly Role[];
  /**
   * `all`: there is nothing in it of single teams. `teams`: roles of named teams are answered what is of their teams, and may
   * change that alone; its handler goes by `request.principal.teams`. `own`: what is one's own alone, but for admins, and
   * viewers who read.
   */
  readonly scope: 'all' | 'teams' | 'own';
}

const administer: Need = { roles: ['admin'], scope: 'all' };
const read: Need = { roles: ['admin', 'viewer'], scope: 'all' };
const readOfTeams: Need = { roles: ['admin', 'viewer', 'team_admin', 'member'], scope: 'teams' };
const manageInTeams: Need = { roles: ['admin', 'team_admin'], scope: 'teams' };

const own: Need = { roles: ['admin', 'viewer', 'team_admin', 'member'], scope: 'own' };

const needs: Readonly<Record<Exclude<AdminOperation, OpenOperation>, Need>> = {
  createKey: manageInTeams,
  listKeys: readOfTeams,
  getKey: readOfTeams,
  updateKey: manageInTeams,
  revokeKey: manageInTeams,
  rotateKey: manageInTeams,
  blockKey: manageInTeams,
  unblockKey: manageInTeams,
  createTeam: administer,
  listTeams: readOfTeams,
  getTeam: readOfTeams,
  // Addresses of people are for those who look after the team.
  listTeamMembers: { roles: ['admin', 'viewer', 'team_admin'], scope: 'teams' },
  updateTeam: administer,
  deleteTeam: administer,
  blockTeam: administer,
  unblockTeam: administer,
  getLimits: readOfTeams,
  openTarget: administer,
  closeTarget: administer,
  listRoutes: read,
  openRouteTarget: administer,
  closeRouteTarget: administer,
  listUsage: readOfTeams,
  streamUsage: readOfTeams,
  // What people wrote is nobody's to read whose role does not say so: not a viewer's, and not a member's.
  getContent: manageInTeams,
  deleteEntryContent: manageInTeams,
  exportContent: manageInTeams,
  deleteContent: manageInTeams,
  listAudit: readOfTeams,
  listModelStates: read,
  listProviders: read,
  createProvider: administer,
  getProvider: read,
  updateProvider: administer,
  deleteProvider: administer,
  testProvider: administer,
  createModel: administer,
  getModel: read,
  updateModel: administer,
  deleteModel: administer,
  getCacheStats: read,
  purgeCache: administer,
  createWebhook: administer,
  listWebhooks: read,
  getWebhook: read,
  updateWebhook: administer,
  deleteWebhook: administer,
  rotateWebhook: administer,
  testWebhook: administer,
  listDeliveries: read,
  getDelivery: read,
  redeliver: administer,
  listWebhookDeliveries: read,
  getWebhookDelivery: read,
  redeliverToWebhook: administer,
  getConfig: read,
  getConfigStatus: read,
  listWorkers: read,
  validateConfig: administer,
  reloadConfig: administer,
  listGuardrails: read,
  explainRequest: readOfTeams,
  getSpendReport: readOfTeams,
  getRefusalReport: readOfTeams,
  getPerformanceReport: readOfTeams,
  getPricing: read,
  updateCatalogue: administer,
  resetCatalogue: administer,
  verifyLedger: administer,
  enterOpenings: administer,
  repriceLedger: administer,
  createUser: administer,
  listUsers: read,
  getUser: read,
  updateUser: administer,
  deleteUser: administer,
  blockUser: administer,
  unblockUser: administer,
  setUserPassword: administer,
  signOutUser: administer,
  createToken: own,
  listTokens: own,
  revokeToken: own,
  deleteSession: own,
  changePassword: own,
};

const CLOSED: Need = { roles: [], scope: 'all' };

export const needOf = (operation: string | undefined): Need =>
  operation !== undefined && Object.hasOwn(needs, operation) ? needs[operation as keyof typeof needs] : CLOSED;
