//! The program as a file.

use std::fs;

/// See docs/adr/0011. Flags in the environment take the place of those in `.cargo/config.toml`.
#[test]
fn it_needs_no_loader_and_no_library() {
    const LOADER: u32 = 3; // PT_INTERP, of elf(5)
    let program = fs::read(env!("CARGO_BIN_EXE_computes")).expect("the program");
    let number = |at: usize, length: usize| {
        let bytes = program[at..at + length].iter().rev();
        bytes.fold(0, |number, byte| number << 8 | usize::from(*byte))
    };
    assert_eq!(program[..5], *b"\x7fELF\x02", "64 bits");
    let (table, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    let loaders =
        (0..count).filter(|index| number(table + index * size, 4) == LOADER as usize).count();
    assert_eq!(loaders == 0, option_env!("RUSTFLAGS").is_none());
}
