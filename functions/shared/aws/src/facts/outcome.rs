pub fn read_outcome() {}
