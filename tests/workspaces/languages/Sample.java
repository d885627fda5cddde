package com.example.accounts;

import java.util.ArrayList;
import java.util.List;

/**
 * An account with its entries.
 */
public class Sample<T extends Number> implements Comparable<Sample<T>> {
    public static final int LIMIT = 100;
    private static final String NAME = "sample";
    private final List<Entry> entries = new ArrayList<>();
    private int count;

    public Sample(int count) {
        this.count = count;
    }

    /** The number of entries. */
    public int getCount() {
        return count;
    }

    @Override
    public int compareTo(Sample<T> other) {
        return Integer.compare(count, other.count);
    }

    /**
     * Books an amount, and refuses when the limit is passed.
     */
    @Deprecated
    public synchronized void book(long amount) throws LimitException {
        if (entries.size() >= LIMIT) {
            throw new LimitException("limit passed: " + NAME);
        }
        entries.add(new Entry(amount) {
            @Override
            public String toString() {
                return "entry " + amount();
            }
        });
        count++;
    }

    public void book(long amount, Runnable after) throws LimitException {
        book(amount);
        after.run();
    }

    enum State {
        OPEN,
        CLOSED;

        boolean isOpen() {
            return this == OPEN;
        }
    }

    static class LimitException extends Exception {
        LimitException(String message) {
            super(message);
        }
    }
}

record Range(int low, int high) {
    Range {
        if (low > high) {
            throw new IllegalArgumentException();
        }
    }
}

interface Visitor<R> {
    R visit(Sample<?> sample);

    default void done() {
    }
}

@interface Marked {
    String value() default "";
}
