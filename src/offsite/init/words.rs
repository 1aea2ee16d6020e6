//! Words that nobody can guess and everybody can type.

use std::path::Path;

use crate::base::error::{Error, Result};

const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
const VOWELS: &[u8; 4] = b"aiou";
const WORDS: usize = 6;

/// Six words of two syllables: 72 bits.
pub(super) fn random_words(folder: &Path) -> Result<String> {
    let mut bytes = [0; 2 * WORDS];
    getrandom::fill(&mut bytes)
        .map_err(|e| Error::file("create", folder, std::io::Error::other(e.to_string())))?;
    let syllable = |byte: u8| {
        let consonant = CONSONANTS[usize::from(byte & 15)];
        let vowel = VOWELS[usize::from(byte >> 4 & 3)];
        [consonant, vowel].map(char::from)
    };
    let word = |pair: &[u8]| pair.iter().flat_map(|byte| syllable(*byte)).collect();
    let words: Vec<String> = bytes.chunks(2).map(word).collect();
    Ok(words.join(" "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn there_are_six_words_and_other_ones_each_time() {
        let (one, other) = (random_words(Path::new("x")), random_words(Path::new("x")));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_ne!(one, other);
        assert_eq!(one.split(' ').count(), 6);
        assert!(one.split(' ').all(|word| word.len() == 4));
    }
}
