//! The shards of a store, as its last run left them.
//!
//! An execution that only waits becomes a stub without its journal being read, so that a million of
//! them cost a second. Each other one is loaded within the first turns of its shard; a message to
//! it loads it at once.

use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;

use stepwell_model::MachineType;

use super::Shard;
use super::ready::{ReadyQueue, Unwritten};
use crate::commons::{Commons, store_error};
use crate::requests::EngineError;

impl Shard {
    /// All shards, each with the open executions of its partitions.
    pub fn open_all(commons: &Arc<Commons>) -> Result<Vec<Shard>, EngineError> {
        let mut shards: Vec<Shard> =
            (0..commons.shards()).map(|index| Shard::empty(index, commons)).collect();
        // Express executions are counted when they are run again.
        let mut types = commons.catalogue().numbers();
        types.retain(|_, machine_type| *machine_type == MachineType::Standard);
        let mut open_of: HashMap<u64, u64> = types.into_keys().map(|machine| (machine, 0)).collect();
        let mut visit = |open: stepwell_store::OpenExecution| {
            if let Some(count) = open_of.get_mut(&open.machine) {
                *count += 1;
            }
            let shard = &mut shards[commons.shard_of(open.entity.partition)];
            shard.take_over(open.entity, open.next_due, open.parked);
        };
        commons.store.open_executions(&mut visit).map_err(store_error)?;
        for (machine, open) in open_of {
            commons.metrics.meter(machine).begin_with(open);
        }
        for shard in &mut shards {
            shard.begin_recovery();
        }
        Ok(shards)
    }

    fn empty(index: usize, commons: &Arc<Commons>) -> Shard {
        Shard {
            index,
            commons: commons.clone(),
            now: commons.server_started_at,
            turn: 0,
            committed: 0,
            residents: HashMap::default(),
            stubs: HashMap::default(),
            timers: BinaryHeap::new(),
            aside: HashMap::default(),
            names: HashMap::new(),
            backlog: VecDeque::new(),
            ready: ReadyQueue::default(),
            lent: HashMap::default(),
            refused: ReadyQueue::default(),
            is_their_turn: false,
            unwritten: Unwritten::default(),
            recovering: VecDeque::new(),
            parked: BTreeMap::new(),
            touches: 0,
            fresh: VecDeque::new(),
            closing: VecDeque::new(),
            express_tasks: HashMap::new(),
            watchers: HashMap::default(),
            marks: Default::default(),
            unheard: VecDeque::new(),
            snapshots: Default::default(),
            rooms: Vec::new(),
            touched: Vec::new(),
            effects: VecDeque::new(),
            releases: Vec::new(),
            posts: Vec::new(),
            at_once: Vec::new(),
            bytes: 0,
            events: 0,
        }
    }

    fn begin_recovery(&mut self) {
        // A store visits in whatever order it likes; queues are to be filled in the order in which
        // executions were started.
        self.recovering.make_contiguous().sort_by_key(|entity| (entity.number, entity.partition));
        self.gauge();
    }
}
