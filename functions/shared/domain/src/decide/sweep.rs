//! `reconcile`: what was missed, and where git, the service's revision and the rules differ.
