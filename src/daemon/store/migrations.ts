import type { Migration } from "../../platform/database/migrate.ts";

const first: Migration = ({ bytes, integer, id, withoutRowid }) => [
  `create table ledger (
     one ${integer} primary key check (one = 1),
     domain text not null,
     node_id ${integer} not null,
     chain_cursor ${integer},
     finalized_number ${integer},
     finalized_hash ${bytes},
     high_water ${bytes} not null
   )`,
  `create table accounts (
     id ${id},
     channel ${bytes} not null unique,
     usage_dollars ${integer} not null default 0,
     usage_pico ${integer} not null default 0,
     fees_row ${bytes},
     stamps_row ${bytes},
     deposited text not null default '0',
     fees_spent text not null default '0',
     stamps_spent text not null default '0',
     stamps_signed text not null default '0',
     pending_withdrawal text not null default '0'
   )`,
  `create table charges (
     generation ${integer} not null,
     digest ${bytes} not null,
     account_id ${integer} not null,
     primary key (generation, digest, account_id)
   ) ${withoutRowid}`,
  `create table generation (one ${integer} primary key check (one = 1), current ${integer} not null)`,
  "insert into generation (one, current) values (1, 0)",
  `create table charge_filters (
     first ${integer} not null,
     last ${integer} not null,
     bits ${bytes} not null,
     primary key (first, last)
   )`,
  `create table cursors (originator ${integer} primary key, sequence_id ${integer} not null)`,
  `create table minutes (
     originator ${integer} not null,
     minute ${integer} not null,
     count ${integer} not null,
     primary key (originator, minute)
   ) ${withoutRowid}`,
  `create table journal (number ${integer} primary key, hash ${bytes} not null, touched ${bytes} not null)`,
  `create table evidence (
     id ${id},
     node_id ${integer} not null,
     sequence_id text not null,
     fault text not null,
     first ${bytes} not null,
     second ${bytes},
     salt ${bytes} not null,
     state text not null,
     commitments ${integer} not null,
     pieces text not null,
     case_id text,
     executable_at text,
     reason text,
     found_at ${integer} not null,
     changed_at ${integer} not null,
     unique (node_id, sequence_id)
   )`,
  "create index evidence_by_state on evidence (state, node_id)",
  `create table compared (
     originator ${integer} not null,
     peer ${integer} not null,
     sequence_id text not null,
     primary key (originator, peer)
   ) ${withoutRowid}`,
  `create table intents (
     id ${id},
     lane text not null,
     kind text not null,
     sender ${bytes} not null,
     nonce ${integer} not null,
     target ${bytes},
     data ${bytes} not null,
     gas_limit text not null,
     budget_wei text not null,
     deadline_at text,
     created_at ${integer} not null,
     mined_hash ${bytes},
     mined_block ${integer},
     mined_block_hash ${bytes},
     outcome text
   )`,
  "create unique index intents_by_nonce on intents (sender, nonce) where outcome is null or outcome <> 'replaced'",
  "create index intents_open on intents (sender, nonce) where outcome is null",
  `create table attempts (
     hash ${bytes} primary key,
     intent_id ${integer} not null references intents (id) on delete cascade,
     max_fee_per_gas text not null,
     max_priority_fee_per_gas text not null,
     sent_at ${integer} not null
   )`,
  "create index attempts_by_intent on attempts (intent_id)",
  `create table leadership (
     one ${integer} primary key check (one = 1),
     term ${integer} not null,
     holder text,
     expires_at ${integer} not null
   )`,
  "insert into leadership (one, term, holder, expires_at) values (1, 0, null, 0)",
];

/** What reports are made of, from here on: ledgers that were metered before begin where they are. */
const facts: Migration = ({ bytes, integer }) => [
  `create table facts (
     originator ${integer} not null,
     last ${integer} not null,
     after ${integer} not null,
     facts ${bytes} not null,
     primary key (originator, last)
   )`,
  `create table reports (
     digest ${bytes} primary key,
     epoch ${integer} not null,
     report text not null,
     ranges ${bytes} not null,
     usage_leaves ${bytes} not null,
     debits ${bytes} not null,
     state text not null,
     built_at ${integer} not null,
     attested_at ${integer},
     final_at ${integer}
   )`,
  "create index reports_by_epoch on reports (epoch)",
];

/** Holdings of processes that share a database; a file has one process, and its tables stay empty. */
const holdings: Migration = ({ bytes, integer, id, withoutRowid }) => [
  `create table processes (id ${id}, expires_at ${integer} not null)`,
  `create table reservations (
     account_id ${integer} not null,
     digest ${bytes} not null,
     process_id ${integer} not null,
     fee_pico ${integer} not null,
     primary key (account_id, digest)
   ) ${withoutRowid}`,
  `create table lent (
     account_id ${integer} not null,
     process_id ${integer} not null,
     pico ${integer} not null,
     primary key (account_id, process_id)
   ) ${withoutRowid}`,
];

/** Stamps: the identity log as far as it matters, what welcomes cost, and what recipients say. */
const stamps: Migration = ({ bytes, integer, id, withoutRowid }) => [
  `create table inbox_log (
     one ${integer} primary key check (one = 1),
     read_to ${integer} not null,
     read_to_at ${integer} not null
   )`,
  `create table inbox_members (
     inbox ${bytes} not null,
     member text not null,
     sequence_id ${integer} not null,
     added_at ${integer} not null,
     added_by text,
     is_account ${integer} not null,
     removed_at ${integer},
     primary key (inbox, member, sequence_id)
   ) ${withoutRowid}`,
  `create table installations (
     key ${bytes} primary key,
     inbox ${bytes} not null,
     listed_at ${integer} not null
   ) ${withoutRowid}`,
  `create table stamps (
     payer ${bytes} not null,
     inbox ${bytes} not null,
     welcome ${bytes} not null,
     opened_at ${integer} not null,
     originator ${integer} not null,
     sequence_id ${integer} not null,
     price ${integer} not null,
     standing text not null,
     primary key (inbox, payer, welcome)
   ) ${withoutRowid}`,
  "create index stamps_by_inbox on stamps (inbox, opened_at)",
  "create index stamps_open on stamps (opened_at) where standing = 'open'",
  `create table stamp_used (channel ${bytes} primary key, used ${integer} not null) ${withoutRowid}`,
  `create table notes (
     id ${id},
     subject text not null unique,
     inbox ${bytes} not null,
     payer ${bytes} not null,
     kind text not null,
     packed ${bytes} not null,
     heard_at ${integer} not null
   )`,
  "create index notes_by_inbox on notes (inbox, kind, payer)",
  "create index notes_by_time on notes (kind, heard_at)",
  `create table passes (
     id ${id},
     payer ${bytes} not null,
     welcome ${bytes} not null,
     payer_digest ${bytes} not null,
     inbox ${bytes} not null,
     note ${bytes},
     tag ${bytes},
     heard_at ${integer} not null,
     unique (welcome, payer)
   )`,
  "create index passes_by_time on passes (heard_at)",
  `create table waiver_uses (
     inbox ${bytes} not null,
     payer ${bytes} not null,
     waiver_id text not null,
     uses ${integer} not null,
     primary key (inbox, payer, waiver_id)
   ) ${withoutRowid}`,
  `alter table reservations add column stamp_inbox ${bytes}`,
  `alter table reservations add column stamp_price ${integer}`,
];

/** What reports say of stamps. */
const reportStamps: Migration = ({ bytes }) => [`alter table reports add column stamps ${bytes}`];

/** What charts show of the time before now. */
const hours: Migration = ({ integer, withoutRowid }) => [
  `create table hours (
     originator ${integer} not null,
     hour ${integer} not null,
     messages ${integer} not null,
     fees_pico text not null,
     primary key (originator, hour)
   ) ${withoutRowid}`,
  "create index hours_by_time on hours (hour)",
];

/** Migration i brings the schema from version i to i + 1. What was released is never edited, only followed. */
export const MIGRATIONS: readonly Migration[] = [first, facts, holdings, stamps, reportStamps, hours];
