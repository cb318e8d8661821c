//! The registers and the bytes of a stack at one moment.

use std::mem::MaybeUninit;
use std::ptr;

/// What is copied of a stack at most, from its innermost end: as much as a
/// coroutine's whole stack has by default.
pub(in crate::runtime) const MOST_BYTES: usize = 256 * 1024;

/// What the search for the callers begins with.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "each processor has its own")]
pub(in crate::runtime) struct Registers {
    pub(super) pc: u64,
    pub(super) sp: u64,
    pub(super) frame: u64,
    /// The return address of a function that has not saved it, where calls
    /// leave it in a register.
    pub(super) link: u64,
}

/// A stack that can be looked at while its owner goes on.
#[derive(Debug)]
pub(in crate::runtime) struct Snapshot {
    pub(super) registers: Registers,
    /// What lay from the stack pointer upwards.
    pub(super) stack: Vec<MaybeUninit<u8>>,
}

impl Snapshot {
    pub(in crate::runtime) fn new(registers: Registers, stack: &[MaybeUninit<u8>]) -> Snapshot {
        Snapshot {
            registers,
            stack: stack.to_vec(),
        }
    }

    /// That of the caller, whose stack ends at `top`.
    ///
    /// # Safety
    /// From here to `top` it is all this stack.
    #[inline(never)]
    pub(in crate::runtime) unsafe fn of_caller(top: usize) -> Snapshot {
        let registers = Registers::here();
        let length = registers.depth_below(top);
        let bytes = ptr::with_exposed_provenance::<MaybeUninit<u8>>(registers.sp as usize);
        // SAFETY: the caller's promise; nothing else writes to this stack.
        let stack = unsafe { std::slice::from_raw_parts(bytes, length) };
        Snapshot::new(registers, stack)
    }

    /// The word at an address of the stack.
    pub(super) fn word(&self, address: u64) -> Option<u64> {
        let from = usize::try_from(address.checked_sub(self.registers.sp)?).ok()?;
        let bytes = self.stack.get(from..from.checked_add(8)?)?;
        // SAFETY: the bytes lie in the buffer, and were read from memory that a
        // stack has written to or the kernel has zeroed; a word of padding may
        // hold anything, and any eight bytes are a number.
        Some(unsafe { bytes.as_ptr().cast::<u64>().read_unaligned() })
    }
}

impl Registers {
    pub(in crate::runtime) const NONE: Registers = Registers {
        pc: 0,
        sp: 0,
        frame: 0,
        link: 0,
    };

    /// How many bytes lie between the stack pointer and `top`, if that is
    /// above, and not more than are copied.
    pub(in crate::runtime) fn depth_below(&self, top: usize) -> usize {
        top.saturating_sub(self.sp as usize).min(MOST_BYTES)
    }

    pub(in crate::runtime) fn sp(&self) -> usize {
        self.sp as usize
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn here() -> Registers {
        let (pc, sp, frame);
        // SAFETY: three registers are read.
        unsafe {
            std::arch::asm!(
                "lea {pc}, [rip]",
                "mov {sp}, rsp",
                "mov {frame}, rbp",
                pc = out(reg) pc, sp = out(reg) sp, frame = out(reg) frame,
                options(nomem, nostack, preserves_flags),
            );
        }
        Registers { pc, sp, frame, link: 0 }
    }

    #[cfg(target_arch = "aarch64")]
    #[inline(always)]
    fn here() -> Registers {
        let (pc, sp, frame, link);
        // SAFETY: four registers are read.
        unsafe {
            std::arch::asm!(
                "adr {pc}, .",
                "mov {sp}, sp",
                "mov {frame}, x29",
                "mov {link}, x30",
                pc = out(reg) pc, sp = out(reg) sp, frame = out(reg) frame, link = out(reg) link,
                options(nomem, nostack, preserves_flags),
            );
        }
        Registers { pc, sp, frame, link }
    }

    /// Elsewhere nothing is known, and so nothing is copied.
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn here() -> Registers {
        Registers {
            sp: u64::MAX,
            ..Registers::NONE
        }
    }

    /// Those of the code that a signal has interrupted.
    ///
    /// # Safety
    /// `context` is what the kernel gave to a handler with `SA_SIGINFO`.
    #[cfg(target_arch = "x86_64")]
    pub(in crate::runtime) unsafe fn interrupted(context: *const libc::c_void) -> Registers {
        // SAFETY: the caller's promise.
        let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
        let value = |register: libc::c_int| registers[register as usize] as u64;
        Registers {
            pc: value(libc::REG_RIP),
            sp: value(libc::REG_RSP),
            frame: value(libc::REG_RBP),
            link: 0,
        }
    }

    /// As above.
    ///
    /// # Safety
    /// As above.
    #[cfg(target_arch = "aarch64")]
    pub(in crate::runtime) unsafe fn interrupted(context: *const libc::c_void) -> Registers {
        // SAFETY: the caller's promise.
        let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext };
        Registers {
            pc: registers.pc,
            sp: registers.sp,
            frame: registers.regs[29],
            link: registers.regs[30],
        }
    }

    /// As above, where nothing is known.
    ///
    /// # Safety
    /// None is needed.
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    pub(in crate::runtime) unsafe fn interrupted(_: *const libc::c_void) -> Registers {
        Registers::here()
    }
}
