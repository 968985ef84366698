"""A made-up fleet with known truth, written as real CloudTrail files and describe output."""
