//! What can be wrong with a place of the second copy; its classes are with those of all errors.

/// What is wrong with a place of the second copy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// The folder has no README.txt: most likely its disk is not mounted.
    #[error("there is no README.txt, so the disk is not mounted, or this is no second copy")]
    NotMounted,
    /// The bucket or the remote does not exist.
    #[error("there is no such bucket or remote")]
    NoBucket,
    /// The bucket is in another region.
    #[error("the bucket is in another region{}", .region.as_ref().map_or_else(String::new, |region| format!(": {region}")))]
    WrongRegion {
        /// Which, if the place said so.
        region: Option<String>,
    },
    /// The program that reaches the place cannot be started.
    #[error("cannot run {program}: {reason}")]
    NoProgram {
        /// The program.
        program: String,
        /// What the system said.
        reason: String,
    },
    /// The credentials do not allow this.
    #[error("access denied")]
    Denied,
    /// The credentials may not see the object, or it is not there: the place does not say which.
    #[error("{name} is not there, or these credentials may not see it")]
    Hidden {
        /// The object.
        name: String,
    },
    /// The clocks differ too much for a signature.
    #[error("its clock and the clock of this machine differ too much")]
    Skewed,
    /// Any other refusal.
    #[error("the request was refused ({code})")]
    Refused {
        /// The status or exit status, and the place's code if it gave one.
        code: String,
    },
    /// It asks to come back later, or was in the middle of something else.
    #[error("it is busy")]
    Busy {
        /// How many seconds it wants to be left alone.
        wait: Option<u64>,
    },
    /// It cannot be reached, by the words of the program that tried.
    #[error("it cannot be reached")]
    Unreachable,
    /// It did not finish in time.
    #[error("no progress within {limit} s")]
    Silent {
        /// The limit in seconds.
        limit: u64,
    },
    /// It takes no more.
    #[error("it is full")]
    Full,
    /// It confirmed something else than it was sent, or does not have what it confirmed.
    #[error("{name} is not there as it was sent")]
    Unconfirmed {
        /// The object.
        name: String,
    },
    /// It ended an object early, or gave something that is not of the form agreed on.
    #[error("{what}")]
    Garbled {
        /// What is wrong with the answer.
        what: String,
    },
}
