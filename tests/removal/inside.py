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
        "the end of a worker whose thread failed",
        "workers/runtime.py",
        "    threading.excepthook = end\n",
        "",
        "tests/faults/test_crash_loops.py"
        "::test_F15_a_worker_whose_thread_fails_is_started_again[vectorization]",
    ),
    Removal(
        "a worker's reader that outlives a fault of who listens",
        "workers/handle.py",
        "                except Exception:  # it is not the worker's fault",
        "                except KeyError:  # it is not the worker's fault",
        "tests/faults/test_crash_loops.py"
        "::test_F15_a_listener_that_fails_leaves_the_worker_under_watch",
    ),
    Removal(
        "the look at the workers that goes on after one that failed",
        "workers/manager.py",
        "            except Exception:  # one look that fails",
        "            except KeyError:  # one look that fails",
        "tests/faults/test_F12_stopped.py"
        "::test_F12_a_look_at_the_workers_that_fails_is_not_the_last",
    ),
    Removal(
        "the note that is cleared before a start",
        "workers/manager.py",
        "        clear_note(note)  # of the incarnation before, or of another server's\n",
        "",
        "tests/faults/test_quarantine.py"
        "::test_F17_a_start_that_fails_is_not_blamed_on_what_was_in_hand_before",
    ),
    Removal(
        "a start without a directory for sockets",
        "workers/manager.py",
        '        except StorageError as error:\n            logger.warning("what the',
        '        except KeyError as error:\n            logger.warning("what the',
        "tests/faults/test_crash_loops.py"
        "::test_F15_a_worker_is_started_again_though_there_is_no_directory_for_sockets",
    ),
    Removal(
        "the copy of what changes while it is described",
        "status.py",
        "facts.troubles.copy().items()",
        "facts.troubles.items()",
        "tests/unit/test_status.py::test_facts_that_change_meanwhile_are_described_all_the_same",
    ),
    Removal(
        "the rest before accepting is tried again",
        "ipc/service.py",
        "                time.sleep(REST_S)  # no descriptor left",
        "                pass  # no descriptor left",
        "tests/process/test_safeguards_sockets.py"
        "::test_a_system_without_descriptors_is_not_asked_all_the_time",
    ),
    Removal(
        "answers that wait for no client",
        "ipc/service.py",
        "            outbox.send(envelope.encode(envelope.Reply(call.number, fault, body)))\n",
        "            reply = envelope.encode(envelope.Reply(call.number, fault, body))\n"
        "            frames.write_frame(self._socket, reply)\n",
        "tests/process/test_safeguards_sockets.py"
        "::test_a_client_that_does_not_read_holds_up_nobody",
    ),
    Removal(
        "a database that is given up, for other workers",
        "workers/database_starter.py",
        "        asked = self._manager.asked_at >= given_up_at + supervision.ASKED_AGAIN_S\n",
        "        asked = now >= given_up_at + supervision.ASKED_AGAIN_S\n",
        "tests/faults/test_crash_loops.py"
        "::test_F14_a_database_is_tried_again_for_a_person_and_not_for_other_workers",
    ),
    Removal(
        "messages to a worker that wait for nobody",
        "workers/handle.py",
        "            outbox.send(_encode(message))\n",
        "            with self._lock:\n"
        "                frames.write_frame(self._pipe, _encode(message))\n",
        "tests/faults/test_F12_stopped.py"
        "::test_F12_a_full_pipe_to_a_stopped_worker_holds_up_nobody",
    ),
    Removal(
        "patience with a worker that leaves its messages",
        "ipc/frames.py",
        "        except TimeoutError:\n            continue\n",
        "",
        "tests/unit/test_outbox.py::test_a_patient_one_waits_for_as_long_as_the_peer_is_there",
    ),
    Removal(
        "the clients for whom there is no thread",
        "ipc/service.py",
        "            except RuntimeError as error:  # the system may",
        "            except KeyError as error:  # the system may",
        "tests/process/test_safeguards_sockets.py"
        "::test_a_client_for_whom_there_is_no_thread_is_hung_up_on",
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
        "        kill_leftovers(read_owner(self._paths))\n",
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
        "            elif (used := handle.status().rss) > MEMORY_BYTES[handle.type]:\n",
        "            elif (used := handle.status().rss) < 0:\n",
        f"{_PRESSED}::test_F16_an_embedder_that_takes_too_much_memory_is_ended_and_words_stay",
    ),
    Removal(
        "short names of sockets",
        "paths.py",
        "len(os.fsencode(wanted)) + 25 > _SOCKET_PATH_LIMIT or ",
        "",
        f"{_PRESSED}::test_F29_long_names_leave_the_sockets_names_short",
    ),
)
