/**
 * Names that an identity alias may not have: accounts of operating systems, databases, directories and infrastructure
 * that exist by themselves and can do everything, or are nobody's.
 */
const RESERVED: ReadonlySet<string> = new Set(
  `root toor admin administrator administrateur sysadmin superuser sudo wheel operator system sys nobody nogroup guest
  daemon bin adm sync shutdown halt mail news uucp man proxy backup list irc games www-data sshd ssh systemd dbus
  messagebus postfix nginx apache httpd docker containerd kubelet kube etcd vagrant ansible jenkins git service
  postgres postgresql pgbouncer replication replicator mysql mariadb mssql sa sysdba sysman dbsnmp oracle orcl db2inst1
  mongodb mongo redis cassandra elastic kibana rabbitmq sapadm sap
  ec2-user ubuntu debian centos fedora rocky almalinux core cloud-user azureuser gcp-user opc
  krbtgt defaultaccount wdagutilityaccount localsystem networkservice localservice trustedinstaller
  dba default public anonymous anybody everybody everyone null none undefined unknown test user`.split(/\s+/),
);

/** Without regard to case, and to a Windows domain in front. */
export const isReserved = (name: string): boolean =>
  RESERVED.has(name.normalize('NFKC').trim().toLowerCase().replace(/^.*\\/s, ''));
