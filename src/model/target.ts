/** What a target can do; the planner leaves out, and reports, the rest. */
export interface Capabilities {
  /** Block sign-in and lift the block. */
  readonly block: boolean;
  readonly roles: boolean;
  readonly createRoles: boolean;
  readonly aliases: boolean;
  readonly endSessions: boolean;
  /** Carries our ownership mark on the account. */
  readonly mark: boolean;
  /** Profile fields that an account must have besides the login. */
  readonly requires: ReadonlyArray<'firstName' | 'lastName' | 'email'>;
}

/** A role that can be given. */
export interface TargetRole {
  readonly id: string;
  readonly name: string;
  readonly managedBy?: string;
}
