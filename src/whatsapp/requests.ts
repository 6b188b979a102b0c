/** What an engine is asked for on somebody's behalf, apart from sending: the name of each request, its input and its answer. */
import type { GroupChanges, GroupDetails, JoinRequest, MemberChange, MemberOutcome } from './group-types.ts';

/** Inputs and answers travel between processes as JSON. People are named by canonical JIDs, groups by `…@g.us`. */
export interface EngineRequests {
  'group.info': { input: { group: string }; output: GroupDetails };
  /** those who could not be added are among the outcomes */
  'group.create': {
    input: { subject: string; members: string[] };
    output: { group: GroupDetails; outcomes: MemberOutcome[] };
  };
  'group.members': {
    input: { group: string; change: MemberChange; members: string[] };
    output: MemberOutcome[];
  };
  /** one after another; the answer is the group as it is then */
  'group.change': { input: { group: string; changes: GroupChanges }; output: GroupDetails };
  /** a JPEG of the session's tenant (MediaFile.id); null takes the picture away */
  'group.picture': { input: { group: string; mediaId: string | null }; output: null };
  'group.invite': { input: { group: string; revoke: boolean }; output: { code: string } };
  /** null: an admin has to let the session in first */
  'group.join': { input: { code: string }; output: { group: string | null } };
  'group.leave': { input: { group: string }; output: null };
  'group.requests': { input: { group: string }; output: JoinRequest[] };
  'group.decide': {
    input: { group: string; approve: boolean; members: string[] };
    output: MemberOutcome[];
  };
}

export type RequestName = keyof EngineRequests;

/** One request with the input that is its own. */
export type EngineRequest = {
  [N in RequestName]: { name: N; input: EngineRequests[N]['input'] };
}[RequestName];
