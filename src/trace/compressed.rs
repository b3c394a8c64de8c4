//! Compressed traces: Zstandard frames, each of which holds whole lines.
//!
//! A frame is written as soon as it has enough lines, so that a run that was interrupted leaves a file that opens up to
//! its last whole frame. Any file of Zstandard frames is read, so also what the `zstd` program makes of a trace.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use ruzstd::{
    decoding::{
        BlockDecodingStrategy, FrameDecoder,
        errors::{FrameDecoderError, ReadFrameHeaderError},
    },
    encoding::{CompressionLevel, compress_to_vec},
};

/// What a frame begins with.
const MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();

/// Bytes of lines that make a frame. One of a whole trace would be 2 % smaller; this one costs an interrupted run a few
/// steps.
pub(super) const FRAME: usize = 16 << 10;

/// The largest window that a frame may ask for, in bytes: what its specification (RFC 8878) asks readers to support, and
/// all that the `zstd` program uses without `--ultra` or `--long`.
const LARGEST_WINDOW: u64 = 8 << 20;

/// How many times as large as its file a trace may be. They are two or three times as large.
const MOST_TIMES: u64 = 100;

/// Bytes that any file may unpack to: a small one may repeat itself.
const ALWAYS_ALLOWED: u64 = 16 << 20;

/// A frame of lines.
pub(super) fn frame(lines: &[u8]) -> Vec<u8> {
    compress_to_vec(lines, CompressionLevel::Fastest)
}

/// The lines of a trace, which may be compressed: its first bytes tell.
///
/// # Errors
/// Those of `input`.
pub(super) fn unpacked<'a>(mut input: impl BufRead + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    let mut start = Vec::with_capacity(MAGIC.len());
    input.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start)?;
    let is_compressed = start == MAGIC;
    let input = Cursor::new(start).chain(input);
    Ok(if is_compressed { Box::new(BufReader::new(Unpacker::new(input))) } else { Box::new(input) })
}

/// What frames hold, one after the other. It ends before what is cut off.
struct Unpacker<R> {
    source: PackedBytes<R>,
    decoder: Box<FrameDecoder>,
    /// Whether the decoder is within a frame, or at its end.
    is_open: bool,
    /// Bytes that came out.
    unpacked: u64,
}

impl<R: BufRead> Unpacker<R> {
    fn new(input: R) -> Self {
        let mut decoder = Box::new(FrameDecoder::new());
        decoder.set_max_window_size(LARGEST_WINDOW);
        Self {
            source: PackedBytes { input, bytes: 0, is_over: false, failed: None },
            decoder,
            is_open: false,
            unpacked: 0,
        }
    }

    /// Has the decoder make more bytes; `false` at the end of the file.
    fn advance(&mut self) -> io::Result<bool> {
        let done = if self.is_open && !self.decoder.is_finished() {
            self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1)).map(drop)
        } else {
            self.check_sum()?;
            self.is_open = false;
            if self.source.input.fill_buf()?.is_empty() {
                return Ok(false);
            }
            self.decoder.reset(&mut self.source).map(|()| self.is_open = true)
        };
        match done {
            Ok(()) => Ok(true),
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                io::copy(&mut self.source.by_ref().take(length.into()), &mut io::sink()).map(|_| true)
            }
            Err(error) => self.end(&error),
        }
    }

    /// At what cannot be decoded: the end, where the file is cut off there.
    fn end(&mut self, error: &FrameDecoderError) -> io::Result<bool> {
        if let Some(failed) = self.source.failed.take() {
            return Err(failed);
        }
        match error {
            FrameDecoderError::WindowSizeTooBig { requested, .. } => Err(damaged(format!(
                "it asks for a window of {requested} bytes, and {LARGEST_WINDOW} are the most: compress it again by \
                 `zstd -19` or less"
            ))),
            _ if self.source.is_over && self.unpacked > 0 => Ok(false),
            _ if self.source.is_over => Err(damaged("its first frame is cut off")),
            _ => Err(damaged("its compression is damaged")),
        }
    }

    /// Compares a frame that was read with its checksum, where it has one.
    fn check_sum(&self) -> io::Result<()> {
        let sums = (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum());
        match sums {
            (Some(expected), Some(found)) if self.is_open && expected != found => {
                Err(damaged("its compression is damaged: a frame has another checksum"))
            }
            _ => Ok(()),
        }
    }
}

fn damaged(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

impl<R: BufRead> Read for Unpacker<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.decoder.can_collect() == 0 {
            if !self.advance()? {
                return Ok(0);
            }
        }
        let read = self.decoder.read(out)?;
        self.unpacked += read as u64;
        if self.unpacked > ALWAYS_ALLOWED.max(MOST_TIMES * self.source.bytes) {
            return Err(damaged(format!("it unpacks to more than {MOST_TIMES} times its size, as no trace does")));
        }
        Ok(read)
    }
}

/// Compressed bytes, and how their reading ended: the decoder's errors do not tell damage from an end.
struct PackedBytes<R> {
    input: R,
    bytes: u64,
    is_over: bool,
    failed: Option<io::Error>,
}

impl<R: Read> Read for PackedBytes<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(out).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.failed = Some(io::Error::new(error.kind(), error.to_string()));
            }
        })?;
        self.bytes += read as u64;
        self.is_over |= read == 0 && !out.is_empty();
        Ok(read)
    }
}
