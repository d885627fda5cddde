defmodule Sample.Queue do
  @moduledoc "A queue of jobs."

  defstruct items: [], limit: 10

  @type t :: %__MODULE__{}

  @doc """
  Adds a job, unless the queue is full.
  """
  @spec push(t, term) :: {:ok, t} | {:error, :full}
  def push(%{items: items, limit: limit}, _job) when length(items) >= limit do
    {:error, :full}
  end

  def push(queue, job) do
    {:ok, %{queue | items: queue.items ++ [job]}}
  end

  def size(queue), do: length(queue.items)

  defp reverse([], done), do: done

  defp reverse([head | tail], done) do
    reverse(tail, [head | done])
  end

  defmacro unless_empty(queue, do: block) do
    quote do
      if unquote(queue).items != [], do: unquote(block)
    end
  end

  defmodule Error do
    defexception [:message]

    def wrap(text) do
      %__MODULE__{message: text}
    end
  end
end

defprotocol Sample.Size do
  def measure(value)
end

defimpl Sample.Size, for: Sample.Queue do
  def measure(queue) do
    length(queue.items)
  end
end
