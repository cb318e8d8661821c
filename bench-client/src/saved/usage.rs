//! What processes and the machine used, as it is saved.

use serde::{Deserialize, Serialize};

/// What a process used in the window.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// The process.
    pub(crate) pid: i32,
    /// Processor time, user and system, by the process's CPU clock.
    pub(crate) cpu_s: f64,
    /// The part of it in user mode, to a hundredth of a second.
    pub(crate) user_s: Option<f64>,
    /// The part of it in the kernel, to a hundredth of a second.
    pub(crate) system_s: Option<f64>,
    /// The part of one processor.
    pub(crate) cpu_share: f64,
    /// The part of one processor that the thread used which used most.
    pub(crate) busiest_thread_share: Option<f64>,
    /// Processor time for one answer, in microseconds.
    pub(crate) cpu_us_per_answer: Option<f64>,
    /// Resident memory at the end.
    pub(crate) resident_bytes: Option<u64>,
    /// Threads at the end.
    pub(crate) threads: Option<u64>,
    /// Open descriptors at the end.
    pub(crate) descriptors: Option<u64>,
    /// Times a thread that lives at the end waited.
    pub(crate) voluntary_switches: Option<u64>,
    /// Times one was made to wait.
    pub(crate) involuntary_switches: Option<u64>,
    /// Pages found without reading them from disk.
    pub(crate) minor_faults: Option<u64>,
    /// Pages read from disk.
    pub(crate) major_faults: Option<u64>,
    /// How long its threads were ready and had no processor, all together.
    pub(crate) run_queue_delay_s: Option<f64>,
    /// That time as a part of the time in which it was counted, which is a
    /// little longer than the window; at most the number of its threads.
    #[serde(default)]
    pub(crate) run_queue_share: Option<f64>,
    /// The processors it may use, as the kernel writes them.
    pub(crate) allowed_cpus: Option<String>,
}

/// What the kernel counted from the first connection to the last answer, for
/// all processes together.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Host {
    /// Connections that found a full accept queue.
    pub(crate) listen_overflows: Option<u64>,
    /// Connections dropped in a listener's queue for any reason.
    pub(crate) listen_drops: Option<u64>,
    /// Connection requests sent again.
    pub(crate) syn_retransmits: Option<u64>,
    /// TCP's retransmission timer.
    pub(crate) tcp_timeouts: Option<u64>,
    /// Datagrams dropped for want of room at the receiver.
    pub(crate) udp_receive_buffer_errors: Option<u64>,
    /// Datagrams that could not be delivered.
    pub(crate) udp_in_errors: Option<u64>,
    /// Processor time another machine on the same host took.
    pub(crate) steal_s: Option<f64>,
    /// Processor time in soft interrupts.
    pub(crate) softirq_s: Option<f64>,
}

/// The server's memory at two numbers of clients.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// The smaller number.
    pub(crate) few_clients: u32,
    /// The larger one.
    pub(crate) many_clients: u32,
    /// Resident memory with the smaller number.
    pub(crate) few_bytes: u64,
    /// Resident memory with the larger one.
    pub(crate) many_bytes: u64,
    /// That one more client takes.
    pub(crate) bytes_per_client: f64,
    /// The kernel's page tables for it with the smaller number, which are not
    /// in the resident memory.
    #[serde(default)]
    pub(crate) few_page_table_bytes: Option<u64>,
    /// Those with the larger one.
    #[serde(default)]
    pub(crate) many_page_table_bytes: Option<u64>,
    /// That one more client takes of them.
    #[serde(default)]
    pub(crate) page_table_bytes_per_client: Option<f64>,
}
