"""What Kafka decides: rules without clock, chance or waiting. Read it as the textbook, chapter by chapter.

1. *Where a record goes*: hashing, partitioners, accumulator; sequences and backoff make a retry harmless.
2. *The log*: log_validation, log, segment, leader_epochs, producer_state, log_recovery; retention, and compaction in
   cleaner and cleaner_transactions.
3. *Replication*: partition is the heart; replica and in_sync_replicas are what a leader knows of others, truncation
   how a follower follows another history; refusals name the setting that decided.
4. *The controller*: placement and topic_rules for new topics, election and isr_requests, controller_context and
   assignment for what it knows; metadata is what it tells; znode_payloads what it writes.
5. *Reading*: subscription is the consumer's book, read_committed what it leaves out.
6. *Groups*: group, with group_metadata, members, join_phase; assignors with group_member, sticky, sticky_balance;
   offsets and offset_records.
7. *Transactions*: producer_transaction on the client's side, transactions and transaction_records on the coordinator's.
8. *ZooKeeper*: znodes, zk_requests, zk_errors, watches, zk_sessions; zk_election, zk_log, zk_proposals.

guards names the rules that a test can switch off, to show what each of them prevents.
"""
