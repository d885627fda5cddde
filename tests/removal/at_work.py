"""Safeguards of processes: workers and who looks after them, the watcher, who owns an index."""

from __future__ import annotations

from removal import Removal

_PRESSED = "tests/faults/test_F16_pressed.py"

REMOVALS = (
    Removal(
        "the reconcile after lost events",
        "workers/watching.py",
        '        logging.getLogger("watchdog.observers").addHandler(self._losses)\n',
        "",
        "tests/unit/test_safeguards_watching.py::test_an_overflow_that_watchdog_only_logs_is_heard",
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
        "rules that changed unseen, followed by other watches",
        "workers/file_watcher.py",
        "        elif following and self._is_watching_by_other_rules():\n",
        "        elif False:\n",
        "tests/process/test_watching.py"
        "::test_a_rule_that_goes_where_nothing_is_watched_is_followed_too",
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
        "the end of what a dead owner left behind",
        "ownership/lock.py",
        "            kill_leftovers(read_owner(self._paths))\n",
        "",
        "tests/process/test_leftovers.py::test_F25_the_next_owner_kills_what_was_left",
    ),
    Removal(
        "a slow model that waits for the plug",
        "workers/mains.py",
        "    return battery is not None and battery.power_plugged is False\n",
        "    return False\n",
        "tests/faults/test_S18_battery.py::test_S18_a_slow_model_waits_for_the_plug",
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
        "patience while an index changes hands",
        "ownership/joining.py",
        "        if time.monotonic() > until:\n",
        "        if True:\n",
        "tests/protocol/test_joined.py"
        "::test_F27_each_window_loses_one_request_at_most_when_the_owner_is_killed",
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
)
