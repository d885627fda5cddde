package example

import scala.collection.mutable

/** A stack of values. */
trait Stack[A] {
  def push(value: A): Unit

  def isEmpty: Boolean = size == 0

  def size: Int
}

case class Entry[A](value: A, weight: Int)

class ListStack[A](limit: Int) extends Stack[A] {
  private val entries = mutable.ListBuffer.empty[Entry[A]]

  def push(value: A): Unit = {
    if (entries.size >= limit) {
      throw new IllegalStateException("full")
    }
    entries += Entry(value, 1)
  }

  def size: Int = entries.size
}

object ListStack {
  type Ints = ListStack[Int]
  val DefaultLimit = 16

  def apply[A](): ListStack[A] = {
    new ListStack[A](DefaultLimit)
  }
}

object Main extends App {
  def run(args: Seq[String]): Int = {
    def helper(n: Int): Int = {
      n + 1
    }
    helper(args.size)
  }
}
