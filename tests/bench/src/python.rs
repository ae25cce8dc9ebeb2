//! The Python that the handlers next to ours run with.

use crate::Failure;
use crate::process::Program;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How to get what is missing.
pub(crate) const HINT: &str = "python3 -m pip install boto3 awslambdaric pyyaml";

/// Prints what the report says of it, and where botocore's own roots lie.
const PROBE: &str = "
import sys, boto3, awslambdaric, yaml, botocore.httpsession
from importlib.metadata import version
print(sys.executable)
print(botocore.httpsession.where())
names = ('boto3', 'awslambdaric', 'PyYAML')
print(f'Python {sys.version.split()[0]}, ' + ', '.join(f'{name} {version(name)}' for name in names))
";

/// A Python with what the handlers need: boto3, Lambda's own runtime client, and a YAML parser.
#[derive(Debug, Clone)]
pub(crate) struct Python {
    executable: PathBuf,
    handlers: PathBuf,
    /// The roots that botocore ships.
    pub(crate) roots: PathBuf,
    /// For people.
    pub(crate) description: String,
}

impl Python {
    /// Asks a Python what it has.
    pub(crate) fn find(program: &str, handlers: &Path) -> Result<Self, Failure> {
        let output = Command::new(program).args(["-c", PROBE]).output();
        let output = output.map_err(|error| format!("cannot run {program}: {error}; hint: --python"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = text.lines();
        let (Some(executable), Some(roots), Some(description)) = (lines.next(), lines.next(), lines.next())
        else {
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            let last = error.lines().last().unwrap_or_default().to_owned();
            return Err(format!("{program} lacks a package: {last}; hint: {HINT}").into());
        };
        Ok(Self {
            executable: executable.into(),
            handlers: handlers.to_owned(),
            roots: roots.into(),
            description: description.to_owned(),
        })
    }

    /// How to start the handler of a function, as Lambda's Python runtime does; none when nobody wrote it.
    pub(crate) fn program(&self, function: &str, mut variables: Vec<(String, OsString)>) -> Option<Program> {
        if !self.handlers.join(format!("{function}.py")).is_file() {
            return None;
        }
        variables.push(("PYTHONPATH".to_owned(), self.handlers.clone().into()));
        // Where a person's own packages lie.
        variables.extend(std::env::var_os("HOME").map(|home| ("HOME".to_owned(), home)));
        let arguments = ["-m".into(), "awslambdaric".into(), format!("{function}.handle").into()].to_vec();
        Some(Program { executable: self.executable.clone(), arguments, variables })
    }
}
