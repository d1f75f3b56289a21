/** Scripts for openSqlite; append only. */
export const MIGRATIONS: readonly string[] = [
  `
  -- id is the order of arrival: streams go by it, because sequence ids of chain originators come again after a
  -- reorganisation. Autoincrement never gives an id twice.
  create table envelopes (
    id            integer primary key autoincrement,
    originator    integer not null,
    sequence_id   integer not null,
    topic         blob not null,
    originator_ns integer not null,
    publish_key   blob,     -- payer || payer digest, of what this node originated
    block_number  integer,  -- of what the chain originated
    bytes         blob not null
  ) strict;
  create unique index envelopes_by_originator on envelopes (originator, sequence_id);
  create index envelopes_by_topic on envelopes (topic, originator, sequence_id);
  create index envelopes_by_topic_arrival on envelopes (topic, id);
  create index envelopes_by_originator_arrival on envelopes (originator, id);
  create unique index envelopes_by_publish_key on envelopes (publish_key) where publish_key is not null;
  create index envelopes_by_block on envelopes (block_number) where block_number is not null;

  -- The highest sequence id ever stored. Kept apart from the envelopes, so that no deletion makes an id come again.
  create table originators (
    originator       integer primary key,
    last_sequence_id integer not null,
    last_ns          integer not null
  ) strict;

  -- Messages that this node originated per minute, for the congestion fee.
  create table own_minutes (minute integer primary key, messages integer not null) strict;

  -- Which inbox a wallet or passkey belongs to, with the blocks, so that a reorganisation can be undone.
  create table links (
    kind          integer not null,
    identifier    text not null,
    inbox_id      text not null,
    sequence_id   integer not null,
    linked_block  integer not null,
    revoked_block integer,
    primary key (kind, identifier, sequence_id)
  ) strict, without rowid;

  -- Blocks up to which the chain was indexed, newest last; the newest is the cursor.
  create table chain_journal (number integer primary key, hash text not null) strict;
  `,
];
