using System;
using System.Collections.Generic;

namespace Example.Orders
{
    public delegate void Changed(object sender);

    public enum State { Open, Closed }

    public interface IStore<T>
    {
        T Find(int id);
    }

    /// <summary>Keeps orders.</summary>
    [Serializable]
    public class OrderStore : IStore<Order>
    {
        public const int Limit = 100;
        private readonly Dictionary<int, Order> orders = new();

        public OrderStore(int capacity)
        {
            Capacity = capacity;
        }

        public int Capacity { get; private set; }

        public Order Find(int id)
        {
            return orders.TryGetValue(id, out var order) ? order : null;
        }

        public async Task<bool> SaveAsync<T>(Order order) where T : class
        {
            bool Valid(Order o)
            {
                return o != null;
            }

            if (!Valid(order)) return false;
            orders[order.Id] = order;
            return true;
        }

        public static implicit operator bool(OrderStore store) => store != null;
    }

    public record Order(int Id, string Name);

    public struct Money
    {
        public decimal Amount;
    }
}
