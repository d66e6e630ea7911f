import type { Resources, Writer } from '../store/resources.ts';
import type { Available } from './available.ts';
import type { Cursors } from './cursor.ts';
import type { ScimLog } from './http/answer.ts';
import type { Query } from './http/place.ts';
import type { Note } from './irregular.ts';
import type { Limits } from './limits.ts';
import type { ResourceType } from './schema/types.ts';

/** One request, past authentication. */
export interface Context {
  readonly writer: Writer;
  readonly resources: Resources;
  /** Resource types of the source, with the schemas that are declared for it. */
  readonly types: readonly ResourceType[];
  readonly query: Query;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Address of `/v2`. */
  readonly base: string;
  readonly limits: Limits;
  /** Undefined where the source's settings switch paging by cursor off. */
  readonly cursors: Cursors | undefined;
  readonly available: Available;
  readonly note: Note;
  readonly log: ScimLog | undefined;
  /** Called after a write that changed something. */
  changed(urgent: boolean): void;
  /** Called when a request that makes somebody inactive was refused. */
  leaveRefused(): void;
}

/** One request to a resource type. */
export interface Call extends Context {
  readonly type: ResourceType;
}
