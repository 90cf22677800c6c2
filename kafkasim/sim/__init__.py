"""When it happens: machines, messages in flight, and the programs that follow the rules of core/.

- *Time and machines*: kernel, alarm, deadlines, periodic, lease; host, disk; network, connection, links, channel;
  injector and broker_faults break them.
- *Brokers*: broker; replica_manager, replication, fetch_sessions, fetch_loop, produce_purgatory, data_requests,
  log_requests, alter_partition; log_manager; topic_admin, config_changes, metadata_waits, producer_ids,
  controlled_shutdown. What lies on a disk: disk_inspector, replica_on_disk.
- *The controller*: controller, controller_channels, partition_states, replica_states, isr_changes, topic_changes,
  topic_deletion, reassignment, preferred_election.
- *Coordinators*: coordinator, coordinator_load, group_store, group_offsets, group_leases; transaction_coordinator,
  transaction_markers, transaction_verification, transaction_expiry.
- *Clients*: network_client, waiting. Producers: producer, sends, workload, partition_choice, sender, deliveries,
  flushes, producer_metrics; transaction_manager, transactional_calls, coordinator_asks, offsets_for_transaction.
  Consumers: consumer, consumer_arguments, consumer_records, fetcher, offset_lookup, offset_validation, commits,
  membership, heartbeats, rebalancing. Admins: admin, admin_calls, admin_arguments, admin_answers, admin_groups,
  admin_transactions.
- *ZooKeeper*: zookeeper, zookeeper_election, zookeeper_leader, zookeeper_follower, zookeeper_connections,
  zookeeper_pings; zookeeper_session is the raw session, zookeeper_client looks after itself, with
  zookeeper_operations and zookeeper_retries.
"""
