-- The enums room: changing the values of an enum type, with their rows.

-- Looking: the values, and where they are used.

-- Changing labels.

-- Changes, as they are recorded.

-- Dropping, retiring and purging.

-- Reordering, undoing, adopting.

-- Declaring the set: apply and plan.

-- Damage: check and repair.
