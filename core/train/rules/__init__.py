"""What each rule catches and costs, on training patients that neither networks nor limits have seen."""
