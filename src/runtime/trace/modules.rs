//! The return addresses on a copied stack.
//!
//! They are found by the tables that the compiler leaves for panics
//! (`.eh_frame`), so it does not matter whether code keeps frame pointers. For
//! x86-64 and AArch64 alone.

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::ptr;

use super::snapshot::Snapshot;

/// More calls than this are not looked for.
const DEEPEST: usize = 128;

/// The tables of everything that is loaded now, copied: a library that is
/// unloaded meanwhile takes nothing away.
#[derive(Default)]
pub(in crate::runtime) struct Unwinder {
    tables: framehop::UnwinderNative<Vec<u8>, framehop::MayAllocateDuringUnwind>,
}

impl Unwinder {
    /// Reads the tables in.
    pub(in crate::runtime) fn new() -> Unwinder {
        let mut unwinder = Unwinder::default();
        // SAFETY: the callback gets what was passed, and only here.
        unsafe { libc::dl_iterate_phdr(Some(each_module), (&raw mut unwinder).cast()) };
        unwinder
    }

    /// Addresses within the calls of a stack, the innermost first.
    pub(in crate::runtime) fn calls(&self, snapshot: &Snapshot) -> Vec<u64> {
        use framehop::Unwinder as _;
        let registers = &snapshot.registers;
        #[cfg(target_arch = "x86_64")]
        let native = framehop::UnwindRegsNative::new(registers.pc, registers.sp, registers.frame);
        #[cfg(target_arch = "aarch64")]
        let native = framehop::UnwindRegsNative::new(registers.link, registers.sp, registers.frame);
        let mut cache = framehop::CacheNative::default();
        let mut read = |address| snapshot.word(address).ok_or(());
        let mut frames = self.tables.iter_frames(registers.pc, native, &mut cache, &mut read);
        let mut calls = Vec::new();
        // An error is the end of what was copied.
        while let (true, Ok(Some(frame))) = (calls.len() < DEEPEST, frames.next()) {
            calls.push(frame.address_for_lookup());
        }
        calls
    }

    fn add(&mut self, module: &Module<'_>) {
        use framehop::Unwinder as _;
        let (Some(code), Some(index)) = (module.code(), module.index()) else {
            return;
        };
        let Some(table) = module.table(&index) else {
            return;
        };
        let sections = framehop::ExplicitModuleSectionInfo {
            eh_frame_svma: Some(table.clone()),
            eh_frame: Some(module.bytes(&table)),
            eh_frame_hdr_svma: Some(index.clone()),
            eh_frame_hdr: Some(module.bytes(&index)),
            ..Default::default()
        };
        let loaded = code.start.wrapping_add(module.base)..code.end.wrapping_add(module.base);
        self.tables
            .add_module(framehop::Module::new(String::new(), loaded, module.base, sections));
    }
}

/// A program or a library, as the loader knows it. Ranges are those of its
/// file: where it was loaded, `base` is added.
struct Module<'a> {
    base: u64,
    segments: &'a [libc::Elf64_Phdr],
}

extern "C" fn each_module(info: *mut libc::dl_phdr_info, _size: usize, unwinder: *mut c_void) -> c_int {
    // SAFETY: the loader passes a valid record, whose headers live as long as
    // this call, and the pointer that `new` gave it.
    let (info, unwinder) = unsafe { (&*info, &mut *unwinder.cast::<Unwinder>()) };
    if info.dlpi_phdr.is_null() {
        return 0;
    }
    // SAFETY: as above.
    let segments = unsafe { std::slice::from_raw_parts(info.dlpi_phdr.cast(), usize::from(info.dlpi_phnum)) };
    unwinder.add(&Module {
        base: info.dlpi_addr,
        segments,
    });
    0
}

impl Module<'_> {
    fn loaded(&self) -> impl Iterator<Item = &libc::Elf64_Phdr> {
        self.segments.iter().filter(|segment| segment.p_type == libc::PT_LOAD)
    }

    /// From the first to the last byte that can be executed.
    fn code(&self) -> Option<Range<u64>> {
        let executable = || self.loaded().filter(|segment| segment.p_flags & libc::PF_X != 0);
        let start = executable().map(|segment| segment.p_vaddr).min()?;
        let end = executable().map(|segment| segment.p_vaddr + segment.p_memsz).max()?;
        Some(start..end)
    }

    /// Where the index to the table is.
    fn index(&self) -> Option<Range<u64>> {
        let mut segments = self.segments.iter();
        let index = segments.find(|segment| segment.p_type == libc::PT_GNU_EH_FRAME)?;
        let end = index.p_vaddr.checked_add(index.p_memsz)?;
        (index.p_memsz >= 12 && self.readable_from(index.p_vaddr)?.end >= end).then_some(index.p_vaddr..end)
    }

    /// Where the table is: the index tells where it begins, and it ends, at the
    /// latest, with its segment.
    fn table(&self, index: &Range<u64>) -> Option<Range<u64>> {
        const VERSION: u8 = 1;
        /// Four bytes, signed, relative to themselves: what linkers write.
        const RELATIVE: u8 = 0x1b;
        let bytes = self.bytes(&(index.start..index.start + 8));
        let [VERSION, RELATIVE, _, _, offset @ ..] = bytes.as_slice() else {
            return None;
        };
        let offset = i32::from_ne_bytes(offset.try_into().ok()?);
        self.readable_from((index.start + 4).wrapping_add_signed(offset.into()))
    }

    /// What can be read from an address on.
    fn readable_from(&self, address: u64) -> Option<Range<u64>> {
        self.loaded()
            .filter(|segment| segment.p_flags & libc::PF_R != 0)
            .map(|segment| segment.p_vaddr..segment.p_vaddr + segment.p_filesz)
            .find(|range| range.contains(&address))
            .map(|range| address..range.end)
    }

    /// A copy of a range that can be read.
    fn bytes(&self, range: &Range<u64>) -> Vec<u8> {
        let begin = ptr::with_exposed_provenance::<u8>(self.base.wrapping_add(range.start) as usize);
        // SAFETY: it lies in a segment that the loader has mapped to be read,
        // and cannot be unmapped before this callback is over.
        unsafe { std::slice::from_raw_parts(begin, (range.end - range.start) as usize) }.to_vec()
    }
}
