"""Safeguards against what goes wrong inside: workers, ownership, storage, the disk."""

from __future__ import annotations

from removal import Removal

_DAMAGE = "tests/faults/test_F35_damage.py"
_PURGE = "tests/faults/test_F83_purge.py"
_PRESSED = "tests/faults/test_F16_pressed.py"
_DISK = "tests/faults/test_F02_once.py"

REMOVALS = (
    Removal(
        "requests that were applied (exactly once)",
        "db_worker/store.py",
        "        return Written(rows[0][0], bool(rows[0][1])) if rows else None\n",
        "        return None\n",
        "tests/unit/test_store.py::test_a_repeated_request_has_one_effect_and_the_same_reply",
    ),
    Removal(
        "vectors of one model only",
        "db_worker/search.py",
        "snapshot.fingerprint == vector.fingerprint and ",
        "",
        "tests/unit/test_safeguards_vectors.py"
        "::test_a_query_vector_of_another_model_is_compared_with_nothing",
    ),
    Removal(
        "the reconcile after lost events",
        "workers/watching.py",
        '        logging.getLogger("watchdog.observers").addHandler(self._losses)\n',
        "",
        "tests/unit/test_safeguards_watching.py::test_an_overflow_that_watchdog_only_logs_is_heard",
    ),
    Removal(
        "directories that could not be read are unknown, not gone",
        "indexing/walker.py",
        "        except OSError:\n            found.unknown.add(directory)\n",
        "        except OSError:\n            pass\n",
        "tests/unit/test_indexing_walker.py"
        "::test_a_directory_that_cannot_be_read_is_unknown_not_empty",
    ),
    Removal(
        "the lock of an index",
        "ownership/lock.py",
        "        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "        pass\n",
        "tests/process/test_rules.py::test_r2_only_an_owner_starts_workers",
    ),
    Removal(
        "a lock that is given back when the token cannot be written",
        "ownership/lock.py",
        "        except BaseException:\n            self.release()\n            raise\n",
        "        finally:\n            pass\n",
        "tests/faults/test_F32_disk.py::test_F32_a_server_that_starts_on_a_full_disk_heals",
    ),
    Removal(
        "a worker's place in owner.json, written later on a full disk",
        "folder.py",
        "        self.lock.catch_up()\n",
        "",
        "tests/faults/test_F32_disk.py::test_F32_a_worker_that_starts_on_a_full_disk_is_not_ended",
    ),
    Removal(
        "a message that cannot be dealt with, told from a worker that is broken",
        "workers/handle.py",
        "                    self._take(message)\n",
        "                    self._handle(message)\n",
        "tests/process/test_safeguards_rules.py::test_a_listener_that_fails_costs_no_worker",
    ),
    Removal(
        "writes that failed together, taken together",
        "workers/folder_indexer.py",
        "            while self._in_flight:\n                with contextlib",
        "            if False:\n                with contextlib",
        "tests/faults/test_F32_disk.py::test_F32_a_full_disk_is_told_and_healed[fill_up]",
    ),
    Removal(
        "leases that go with their connection when vectors could not be stored",
        "workers/vectorization.py",
        "                database.close()  # and with it the lease of what was not stored\n"
        "                database = CodeDatabase(config)\n",
        "",
        "tests/process/test_safeguards_database.py"
        "::test_F41_vectors_that_could_not_be_stored_are_made_again",
    ),
    Removal(
        "a file system without locks, told from an owner",
        "ownership/lock.py",
        "        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):\n",
        "        if error.errno:\n",
        "tests/unit/test_safeguards_lock.py"
        "::test_F28_a_file_system_without_locks_is_not_taken_for_an_owner",
    ),
    Removal(
        "the end of what a killed process had moved on from",
        "db_worker/generations.py",
        "            _remove_leftovers(index_dir)  # of one that was killed when it had moved on\n",
        "",
        "tests/faults/test_F38_killed_upgrade.py"
        "::test_F38_a_kill_while_an_old_index_is_replaced_leaves_no_half_of_one[fsync]",
    ),
    Removal(
        "the verdict of a death before the next start",
        "workers/handle.py",
        "            self._due_at = math.inf",
        "            self._due_at = 0.0",
        "tests/faults/test_crash_loops.py::test_F14_nobody_who_asks_gets_ahead_of_the_verdict",
    ),
    Removal(
        "the budget of restarts",
        "workers/supervision.py",
        "        if len(self._deaths) > BUDGET:\n",
        "        if False:\n",
        "tests/unit/test_supervision.py::test_restarts_slow_down_and_end",
    ),
    Removal(
        "the memory of requests that were applied",
        "db_worker/store.py",
        "        if reply := self._applied(u.request_id):\n",
        "        if (reply := self._applied(u.request_id)) and False:\n",
        "tests/faults/test_F02_once.py"
        "::test_F02_a_write_sent_again_after_a_restart_is_answered_as_before",
    ),
    Removal(
        "the counting of rows after a kill",
        "db_worker/schema.py",
        " or miscounted(conn, meta):\n",
        ":\n",
        f"{_DAMAGE}::test_F35_a_damaged_log_loses_nothing_for_long[rows_of_another_commit]",
    ),
    Removal(
        "the refusal of what is no plain file",
        "db_worker/schema.py",
        "    disk.refuse_odd(path)\n    if path.stat().st_size == 0:\n",
        "    if path.stat().st_size == 0:\n",
        f"{_DAMAGE}::test_F35_a_damaged_index_is_rebuilt[log_is_a_directory]",
    ),
    Removal(
        "the checksums of pages",
        "db_worker/schema.py",
        "    checked = checksums()\n",
        "    checked = False\n",
        f"{_DAMAGE}::test_F36_flipped_bits_are_found[20]",
    ),
    Removal(
        "the pointer beside a newer version's",
        "db_worker/generations.py",
        "            if error.newer:",
        "            if False:",
        f"{_DAMAGE}::test_F37_the_index_of_a_newer_wherein_is_left_alone",
    ),
    Removal(
        "directories that could not be read are unknown",
        "indexing/reconcile.py",
        " and not walk.is_unknown(path)\n",
        "\n",
        "tests/faults/test_F48_disk_is_truth.py"
        "::test_F59_a_directory_that_cannot_be_read_is_unknown_not_deleted",
    ),
    Removal(
        "a rebuild that waits for directories that cannot be read",
        "workers/folder_indexer.py",
        "        self.held_up = stats.rebuilding and self._lacks(found)\n",
        "        self.held_up = False\n",
        "tests/faults/test_F48_disk_is_truth.py"
        "::test_F59_a_rebuild_waits_for_a_directory_that_cannot_be_read",
    ),
    Removal(
        "a rule file in a sync, followed by other watches",
        "workers/file_watcher.py",
        "            folder.take_hints()\n",
        "            folder.hints.take()\n",
        "tests/unit/test_safeguards_watching.py::test_a_rule_file_is_not_lost_in_a_sync[alone]",
    ),
    Removal(
        "a rule file in a storm of events",
        "workers/watching.py",
        " and (not full or self._kept_in_a_storm(path)):\n",
        " and not full:\n",
        "tests/unit/test_safeguards_watching.py"
        "::test_a_rule_file_is_not_lost_in_a_sync[in a storm]",
    ),
    Removal(
        "a file that may be read again is looked at",
        "workers/watching.py",
        "    _EVENTS.append(ev.FileAttribEvent)",
        "    pass",
        "tests/process/test_watching.py::test_a_change_of_mode_is_heard",
    ),
    Removal(
        "a sync that nobody waits for any more is not asked again",
        "syncs.py",
        " if until <= now]\n",
        " if False]\n",
        "tests/protocol/test_joined.py"
        "::test_what_a_joined_window_does_not_wait_for_any_more_is_not_done",
    ),
    Removal(
        "watches set without recursion",
        "workers/watching.py",
        "                recursive=own is None,\n",
        "                recursive=True,\n",
        "tests/faults/test_F48_disk_is_truth.py::test_F55_very_deep_directories_are_watched",
    ),
    Removal(
        "an empty directory in the folder's place is a disk that is away",
        "workers/known_root.py",
        "        if empty and now != self._ours and ",
        "        if False and ",
        "tests/faults/test_F48_disk_is_truth.py::test_F58_a_disk_that_is_unmounted_keeps_its_index",
    ),
    Removal(
        "a rebuild that is filled before it answers",
        "db_worker/readers.py",
        "                wanted = self._index.writer\n",
        "                pass\n",
        "tests/faults/test_F44_following.py::test_F05_a_reindex_answers_all_the_time",
    ),
    Removal(
        "a file that killed a worker twice is left out (the casebook)",
        "workers/quarantine.py",
        "            if len(units) == 1 and units[0].key in self._suspects:\n",
        "            if False:\n",
        "tests/faults/test_quarantine.py"
        "::test_F17_a_file_that_ends_the_watcher_twice_is_left_out[kill]",
    ),
    Removal(
        "an open file that is as on disk, or is left out there, is not parsed by the database",
        "db_worker/unsaved.py",
        "            if content_hash == unsaved.content_hash or skip == Skip.QUARANTINED.value:\n",
        "            if False:\n",
        "tests/faults/test_quarantine.py::test_F17_a_file_that_is_open_too_ends_the_watcher_alone",
    ),
    Removal(
        "a buffer that killed the database twice is left out",
        "db_worker/overlay.py",
        "        if unit.key in self._note.care.guilty:\n",
        "        if False:\n",
        "tests/faults/test_quarantine.py"
        "::test_F17_a_buffer_that_ends_the_database_twice_is_left_out",
    ),
    Removal(
        "the jitter of restarts",
        "workers/supervision.py",
        "        return delay * (1 - JITTER + 2 * JITTER * self._chance())\n",
        "        return delay\n",
        "tests/unit/test_supervision.py::test_restarts_of_many_servers_are_spread",
    ),
    Removal(
        "patience with workers on a machine that is overloaded",
        "workers/supervision.py",
        "    return PATIENCE if load > OVERLOAD * cores else 1.0\n",
        "    return 1.0\n",
        "tests/unit/test_supervision.py::test_a_worker_that_gets_no_time_is_not_taken_for_hung",
    ),
    Removal(
        "our own sleep, told from a worker's silence",
        "workers/supervision.py",
        "        if now - self._last > 3 * TICK_S:\n",
        "        if False:\n",
        "tests/unit/test_supervision.py::test_F13_silence_is_told_from_our_own_sleep",
    ),
    Removal(
        "the end of patience at a stop: what does not stop is killed",
        "workers/handle.py",
        "                process.kill()\n                reader.join(1.0)\n",
        "                reader.join(1.0)\n",
        "tests/process/test_rules.py::test_r1_a_worker_that_ignores_sigterm_is_killed",
    ),
    Removal(
        "versions in the handshake",
        "ipc/handshake.py",
        "    elif version != ours:\n",
        "    elif False:\n",
        "tests/process/test_safeguards_sockets.py"
        "::test_F21_another_version_is_refused_by_name[build-99.10.0-True]",
    ),
    Removal(
        "the order of versions in the handshake: the older one retires",
        "ipc/handshake.py",
        "        raise (Newcomer if known and version > ours else ProtocolError)(reason)\n",
        "        raise ProtocolError(reason)\n",
        "tests/process/test_safeguards_sockets.py"
        "::test_F21_another_version_is_refused_by_name[build-99.10.0-True]",
    ),
    Removal(
        "the token before the version: a stranger retires nobody",
        "ipc/handshake.py",
        '        known = reason != "the token is wrong"\n',
        "        known = True\n",
        "tests/process/test_safeguards_sockets.py"
        "::test_F21_another_version_is_refused_by_name[build-99.10.0-True]",
    ),
    Removal(
        "the end of what a dead owner left behind",
        "ownership/lock.py",
        "            kill_leftovers(read_owner(self._paths))\n",
        "",
        "tests/process/test_leftovers.py::test_F25_the_next_owner_kills_what_was_left",
    ),
    Removal(
        "the log of a worker, which says why it died",
        "workers/runtime.py",
        "    editors = log.begin()\n",
        "    editors = None\n",
        "tests/faults/test_F15_worker_logs.py"
        "::test_F15_a_worker_that_cannot_start_is_given_up_with_its_last_words[database-say]",
    ),
    Removal(
        "the bound on that log",
        "workers/worker_log.py",
        "            if self._ours and os.fstat(2).st_size > MAX_BYTES:\n",
        "            if False:\n",
        "tests/faults/test_F15_worker_logs.py::test_F84_a_log_stays_small",
    ),
    Removal(
        "logs without directories",
        "logs.py",
        "        return text if record.levelno <= logging.DEBUG else without_places(text)\n",
        "        return text\n",
        "tests/faults/test_security_files.py::test_S13_errors_tell_no_places",
    ),
    Removal(
        "logging that waits for nobody",
        "logs.py",
        "(_Behind(_writing(seen)), ",
        "(_writing(seen), ",
        "tests/faults/test_F15_worker_logs.py"
        "::test_F18_a_client_that_does_not_read_the_log_is_served_all_the_same",
    ),
    Removal(
        "deleted text that leaves the pages",
        "db_worker/schema.py",
        '        pragma(conn, "secure_delete", "ON")',
        '        pragma(conn, "secure_delete", "OFF")',
        f"{_PURGE}::test_S12_deleted_rows_leave_the_files_at_the_checkpoint",
    ),
    Removal(
        "no write-ahead log on a network file system",
        "db_worker/schema.py",
        '    return "truncate" if disk.on_network(path) else "wal"\n',
        '    return "wal"\n',
        f"{_DISK}::test_F28_there_is_no_write_ahead_log_on_a_network_disk",
    ),
    Removal(
        "patience while an index changes hands",
        "ownership/joining.py",
        "        if time.monotonic() > until:\n",
        "        if True:\n",
        "tests/protocol/test_joined.py"
        "::test_F27_each_window_loses_one_request_at_most_when_the_owner_is_killed",
    ),
    Removal(
        "open files that the next owner is told of",
        "database/code_database.py",
        '        self._driver.keep("ask_owner", b"near", asked if asked.paths else None)\n',
        "",
        "tests/protocol/test_joined.py::test_what_a_joined_window_has_open_is_near_for_the_owner",
    ),
    Removal(
        "new files before those that changed",
        "indexing/reconcile.py",
        "key=lambda path: (path in known, path)",
        "key=lambda path: path",
        "tests/unit/test_supervision.py::test_a_reconcile_plans_what_differs",
    ),
    Removal(
        "an index that was removed is no failing disk",
        "db_worker/index.py",
        "            if self.writer.lost or self.live.lost:  # its files were removed",
        "            if False:  # its files were removed",
        "tests/faults/test_F39_removed.py::test_F39_a_removal_is_not_taken_for_a_failing_disk",
    ),
    Removal(
        "an index that is closed and cannot be opened yet",
        "db_worker/engine.py",
        "        return self._closed or self._behind\n",
        "        return self._behind\n",
        "tests/faults/test_F32_disk.py"
        "::test_F33_an_index_that_could_not_be_opened_again_is_when_it_can",
    ),
    Removal(
        "memory that fell behind a commit",
        "db_worker/engine.py",
        "        return self._closed or self._behind",
        "        return self._closed",
        "tests/faults/test_F02_once.py"
        "::test_F02_a_write_that_was_committed_and_not_remembered_is_found",
    ),
    Removal(
        "workers that leave with the index that is given up",
        "host.py",
        "        return [f for f in self.folders if f.paths.directory in self._indexes]\n",
        "        return [f for f in self.folders if f.owned]\n",
        "tests/faults/test_F21_old_build.py"
        "::test_F21_a_newer_build_takes_an_index_over_from_an_older_one",
    ),
    Removal(
        "the ceiling of a worker's memory",
        "workers/manager.py",
        "                elif (used := handle.status().rss) > MEMORY_BYTES[handle.type]:\n",
        "                elif (used := handle.status().rss) < 0:\n",
        f"{_PRESSED}::test_F16_an_embedder_that_takes_too_much_memory_is_ended_and_words_stay",
    ),
    Removal(
        "short names of sockets",
        "paths.py",
        "len(os.fsencode(wanted)) + 25 > _SOCKET_PATH_LIMIT or ",
        "",
        f"{_PRESSED}::test_F29_long_names_leave_the_sockets_names_short",
    ),
    Removal(
        "a question that is withdrawn while its worker starts, which is not sent",
        "database/drivers/sqlite_proxy.py",
        "            if not self._given_up:  # connecting may have taken seconds\n",
        "            if True:\n",
        "tests/process/test_safeguards_driver.py"
        "::test_a_wish_that_is_withdrawn_while_connecting_is_not_sent",
    ),
)
